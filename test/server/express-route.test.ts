import { describe, expect, it, test } from "vitest";
import { routeOf } from "../../src/server/express/route.ts";

// What express 4 and earlier routers of express 5 leave on a request; the express that is installed here has the newest.

interface Layer {
  route?: object;
  handle?: { stack: Layer[] };
  rawPath?: unknown;
  match?: (path: string) => unknown;
  path?: string;
  keys?: unknown[];
}

/** Express 4: a layer says whether it matches, and has kept what. */
function express4(prefix: RegExp, keys: unknown[], more: Partial<Layer>): Layer {
  const layer: Layer = {
    ...more,
    keys,
    match: (path) => {
      const found = prefix.exec(path)?.[0];
      layer.path = found ?? "";
      return found !== undefined;
    },
  };
  return layer;
}
/** The router of express 5.0: a layer answers with what it matched. */
const router2 = (prefix: RegExp, match: object, more: Partial<Layer>): Layer => ({
  ...more,
  match: (path) => {
    const found = prefix.exec(path)?.[0];
    return found === undefined ? false : { path: found, ...match };
  },
});

const route = { path: "/items/:id" };
const end = express4(/^\/items\/[^/]+$/, [{ name: "id" }], { route });
const mounted = (stack: Layer[], prefix = /^\/api(?=\/)/, keys: unknown[] = []): Layer =>
  express4(prefix, keys, { handle: { stack } });
const asked = (stack: Layer[], originalUrl: string, more: object = {}): object => ({
  route,
  originalUrl,
  app: { _router: { stack }, ...more },
});

describe("of a router whose templates are not known", () => {
  test("the path that a mount without parameters has matched is its template", () => {
    expect(routeOf(asked([mounted([end])], "/api/items/1?x=1"))).toBe("/api/items/:id");
    expect(routeOf(asked([express4(/^/, [], {}), mounted([end])], "/api/items/1"))).toBe("/api/items/:id");
  });

  test("there is no route where a mount has parameters", () => {
    expect(routeOf(asked([mounted([end], /^\/[^/]+(?=\/)/, [{ name: "tenant" }])], "/acme/items/1"))).toBeUndefined();
  });

  test("of several mounts of one router the one that leads to the path counts", () => {
    const stack = [mounted([end], /^\/one(?=\/)/), mounted([end], /^\/two(?=\/)/)];
    expect(routeOf(asked(stack, "/two/items/1"))).toBe("/two/items/:id");
    expect(routeOf(asked(stack, "/three/items/1"))).toBeUndefined();
  });

  test("a pattern that a layer tells is its template", () => {
    const of = (match: object): object =>
      router2(/^\/[^/]+/, match, { handle: { stack: [router2(/^\/items\/1$/, {}, { route })] } });
    expect(routeOf(asked([of({ pattern: "/:tenant/" })], "/acme/items/1"))).toBe("/:tenant/items/:id");
    expect(routeOf(asked([of({ keys: [] })], "/acme/items/1"))).toBe("/acme/items/:id");
    expect(routeOf(asked([of({ pattern: /x/ })], "/acme/items/1"))).toBeUndefined();
  });

  test("a mount with parameters above one without leaves no route", () => {
    const inner = mounted([end], /^\/api(?=\/)/);
    expect(routeOf(asked([mounted([inner], /^\/[^/]+(?=\/)/, [{ name: "tenant" }])], "/acme/api/items/1"))).toBeUndefined();
  });

  test("a mount at the path itself is looked at with a slash", () => {
    const root = { path: "/" };
    const last = express4(/^\/$/, [], { route: root });
    const stack = [mounted([last], /^\/api/), mounted([last], /^\/other/)];
    expect(routeOf({ ...asked(stack, "/api"), route: root })).toBe("/api");
  });
});

describe("of an app that is mounted in another", () => {
  const known: Layer = { handle: { stack: [end] }, rawPath: "/api/" };
  test("the path it was given comes first", () => {
    const parent = { parent: undefined, mountpath: "/" };
    expect(routeOf(asked([known], "/sub/api/items/1", { parent, mountpath: "/sub" }))).toBe("/sub/api/items/:id");
    expect(routeOf(asked([mounted([end])], "/sub/api/items/1", { parent, mountpath: "/sub" }))).toBe("/sub/api/items/:id");
  });

  test("there is no route where its path has parameters that nobody tells, or is one of several", () => {
    expect(routeOf(asked([mounted([end])], "/acme/api/items/1", { parent: {}, mountpath: "/:tenant" }))).toBeUndefined();
    expect(routeOf(asked([known], "/a/api/items/1", { parent: {}, mountpath: ["/a", "/b"] }))).toBeUndefined();
    expect(
      routeOf(asked([known], "/a/api/items/1", { parent: { parent: {}, mountpath: ["/a"] }, mountpath: "/" })),
    ).toBeUndefined();
  });
});

describe("there is no route", () => {
  test.each<[string, object]>([
    ["where none has matched", { app: {} }],
    ["where it is none that can be told", { route: { path: 7 }, app: {} }],
    ["of a router without express that is mounted somewhere", { route, baseUrl: "/api" }],
    ["that express's router does not know", asked([express4(/^\//, [], {})], "/items/1")],
    ["where there is no router", { route, app: {} }],
    ["where a layer cannot be asked", asked([{ handle: { stack: [end] } }, { handle: { stack: [end] } }], "/items/1")],
  ])("%s", (_, request) => {
    expect(routeOf(request)).toBeUndefined();
  });
});

test("of a router in two apps it is that of the app that was asked", () => {
  const [one, two] = ["/one", "/two"].map((rawPath): Layer[] => [{ rawPath, handle: { stack: [end] } }]) as [Layer[], Layer[]];
  for (let i = 0; i < 2; i++) {
    expect([routeOf(asked(one, "/one/items/1")), routeOf(asked(two, "/two/items/1"))]).toEqual([
      "/one/items/:id",
      "/two/items/:id",
    ]);
  }
});

it("removes the escapes of a path and of mount paths, and keeps patterns in parentheses", () => {
  const escaped = { path: "/message\\:send/:id(\\d+)" };
  const layer: Layer = { rawPath: "/a\\+b", handle: { stack: [express4(/^/, [], { route: escaped })] } };
  const parent = { parent: {}, mountpath: "/v\\:1" };
  expect(routeOf({ ...asked([layer], "/", parent), route: escaped })).toBe("/v:1/a+b/message:send/:id(\\d+)");
});

test("of a router without express it is the router's own", () => {
  expect(routeOf({ route })).toBe("/items/:id");
});

test("a router that is mounted in itself is looked at once", () => {
  const loop: Layer = { rawPath: "/loop", handle: { stack: [] } };
  loop.handle?.stack.push(loop, end);
  expect(routeOf(asked([loop], "/loop/items/1"))).toBe("/loop/items/:id");
});
