import { describe, expect, it } from "vitest";
import { expressRoute } from "../../src/server/express/route.ts";

// Requests as express 4 and earlier routers of express 5 leave them. The installed express has the newest router.

interface Layer {
  route?: object;
  handle?: { stack: Layer[] };
  rawPath?: unknown;
  match?: (path: string) => unknown;
  path?: string;
  keys?: unknown[];
}

/** A layer of express 4: match() returns whether the path matches, and the match is kept on the layer. */
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
/** A layer of the router of express 5.0: match() returns the match. */
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
const requestFor = (stack: Layer[], originalUrl: string, more: object = {}): object => ({
  route,
  originalUrl,
  app: { _router: { stack }, ...more },
});

describe("expressRoute() with a router that does not keep the templates of mount paths", () => {
  it("uses the matched path of a mount without parameters as its template", () => {
    expect(expressRoute(requestFor([mounted([end])], "/api/items/1?x=1"))).toBe("/api/items/:id");
    expect(expressRoute(requestFor([express4(/^/, [], {}), mounted([end])], "/api/items/1"))).toBe("/api/items/:id");
  });

  it("returns no route below a mount with parameters", () => {
    expect(expressRoute(requestFor([mounted([end], /^\/[^/]+(?=\/)/, [{ name: "tenant" }])], "/acme/items/1"))).toBeUndefined();
  });

  it("uses the mount that leads to the path if a router is mounted more than once", () => {
    const stack = [mounted([end], /^\/one(?=\/)/), mounted([end], /^\/two(?=\/)/)];
    expect(expressRoute(requestFor(stack, "/two/items/1"))).toBe("/two/items/:id");
    expect(expressRoute(requestFor(stack, "/three/items/1"))).toBeUndefined();
  });

  it("uses the pattern of a match as the template", () => {
    const of = (match: object): object =>
      router2(/^\/[^/]+/, match, { handle: { stack: [router2(/^\/items\/1$/, {}, { route })] } });
    expect(expressRoute(requestFor([of({ pattern: "/:tenant/" })], "/acme/items/1"))).toBe("/:tenant/items/:id");
    expect(expressRoute(requestFor([of({ keys: [] })], "/acme/items/1"))).toBe("/acme/items/:id");
    expect(expressRoute(requestFor([of({ pattern: /x/ })], "/acme/items/1"))).toBeUndefined();
  });

  it("returns no route if any mount has parameters", () => {
    const inner = mounted([end], /^\/api(?=\/)/);
    expect(
      expressRoute(requestFor([mounted([inner], /^\/[^/]+(?=\/)/, [{ name: "tenant" }])], "/acme/api/items/1")),
    ).toBeUndefined();
  });

  it("matches a mount at the path itself with a slash", () => {
    const root = { path: "/" };
    const last = express4(/^\/$/, [], { route: root });
    const stack = [mounted([last], /^\/api/), mounted([last], /^\/other/)];
    expect(expressRoute({ ...requestFor(stack, "/api"), route: root })).toBe("/api");
  });
});

describe("expressRoute() with an app that is mounted in another app", () => {
  const known: Layer = { handle: { stack: [end] }, rawPath: "/api/" };
  it("puts the mount path of the app first", () => {
    const parent = { parent: undefined, mountpath: "/" };
    expect(expressRoute(requestFor([known], "/sub/api/items/1", { parent, mountpath: "/sub" }))).toBe("/sub/api/items/:id");
    expect(expressRoute(requestFor([mounted([end])], "/sub/api/items/1", { parent, mountpath: "/sub" }))).toBe(
      "/sub/api/items/:id",
    );
  });

  it("returns no route if the mount path has unknown parameters or is one of several", () => {
    expect(expressRoute(requestFor([mounted([end])], "/acme/api/items/1", { parent: {}, mountpath: "/:tenant" }))).toBeUndefined();
    expect(expressRoute(requestFor([known], "/a/api/items/1", { parent: {}, mountpath: ["/a", "/b"] }))).toBeUndefined();
    expect(
      expressRoute(requestFor([known], "/a/api/items/1", { parent: { parent: {}, mountpath: ["/a"] }, mountpath: "/" })),
    ).toBeUndefined();
  });
});

describe("expressRoute() returns undefined", () => {
  it.each<[string, object]>([
    ["if no route matched", { app: {} }],
    ["if the path of the route is not a template", { route: { path: 7 }, app: {} }],
    ["for a router without express that is mounted at a path", { route, baseUrl: "/api" }],
    ["for a route that express's router does not contain", requestFor([express4(/^\//, [], {})], "/items/1")],
    ["if there is no router", { route, app: {} }],
    ["if a layer has no match()", requestFor([{ handle: { stack: [end] } }, { handle: { stack: [end] } }], "/items/1")],
  ])("%s", (_, request) => {
    expect(expressRoute(request)).toBeUndefined();
  });
});

it("returns the route below the app that received the request if a router is in two apps", () => {
  const [one, two] = ["/one", "/two"].map((rawPath): Layer[] => [{ rawPath, handle: { stack: [end] } }]) as [Layer[], Layer[]];
  for (let i = 0; i < 2; i++) {
    expect(expressRoute(requestFor(one, "/one/items/1"))).toBe("/one/items/:id");
    expect(expressRoute(requestFor(two, "/two/items/1"))).toBe("/two/items/:id");
  }
});

it("removes the escapes of paths and mount paths, and keeps patterns in parentheses", () => {
  const escaped = { path: "/message\\:send/:id(\\d+)" };
  const layer: Layer = { rawPath: "/a\\+b", handle: { stack: [express4(/^/, [], { route: escaped })] } };
  const parent = { parent: {}, mountpath: "/v\\:1" };
  expect(expressRoute({ ...requestFor([layer], "/", parent), route: escaped })).toBe("/v:1/a+b/message:send/:id(\\d+)");
});

it("returns the router's own path for a router without express", () => {
  expect(expressRoute({ route })).toBe("/items/:id");
});

it("searches a router that is mounted in itself once", () => {
  const loop: Layer = { rawPath: "/loop", handle: { stack: [] } };
  loop.handle?.stack.push(loop, end);
  expect(expressRoute(requestFor([loop], "/loop/items/1"))).toBe("/loop/items/:id");
});
