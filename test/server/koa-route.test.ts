import { Router } from "@koa/router";
import Koa from "koa";
import type { Middleware } from "koa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../../src/server/koa.ts";
import { koaRoute } from "../../src/server/koa/route.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { send } from "./client.ts";

let telemetry: TestTelemetry;
let server: TestServer | undefined;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server?.close();
  await telemetry.stop();
});

const ok: Middleware = (ctx) => void (ctx.body = "ok");
const refuse: Middleware = (ctx) => void (ctx.status = 401);
const onward: Middleware = (_, next) => next();

/** Mounts middleware below a path as `koa-mount` does. */
function mount(prefix: string, inner: Middleware): Middleware {
  return async (ctx, next) => {
    const { path } = ctx;
    if (!path.startsWith(prefix)) {
      await next();
      return;
    }
    Object.assign(ctx, { mountPath: prefix, path: path.slice(prefix.length) || "/" });
    try {
      await inner(ctx, async () => {
        ctx.path = path;
        await next();
      });
    } finally {
      ctx.path = path;
    }
  };
}

function routes(app: Koa): void {
  const items = new Router();
  items.get("/", ok).get("/:id", ok).get("/:id/onward", onward);
  items.use("/guarded", refuse);
  items.get("/guarded/:id", ok);
  const api = new Router({ prefix: "/api" });
  api.use("/items", items.routes());
  api.use("/tenants/:tenant", new Router().get("/users/:user", ok).routes());
  api.get(["/one", "/two/:id"], ok);
  api.get("/message\\:send", ok);
  api.all("/any", ok);
  const root = new Router();
  root.get("/", ok).get(/^\/pattern\/\d+$/, ok);
  root.use("/after", onward).get("/after/first", refuse);
  root.get("/late/:id", onward);
  root.use("/late", refuse);
  app.use(root.routes()).use(api.routes()).use(api.allowedMethods());
  app.use(mount("/mounted", new Router().get("/", ok).get("/items/:id", ok).routes() as unknown as Middleware));
  app.use(mount("/outer", mount("/inner", new Router().get("/:id", ok).routes() as unknown as Middleware)));
  app.use(mount("/passed", onward)).use(new Router().get("/passed/on/:id", ok).routes());
}

describe("http.route and the span's name with @koa/router", () => {
  it.each<[string, string | undefined, string?]>([
    ["/", "/"],
    ["/pattern/7", "/^\\/pattern\\/\\d+$/"],
    ["/api/items", "/api/items"],
    ["/api/items/42?sig=1", "/api/items/:id"],
    ["/api/items/42", "/api/items/:id", "HEAD"],
    ["/api/items/42/onward", "/api/items/:id/onward"],
    ["/api/items/guarded/42", "/api/items/guarded/:id"],
    ["/api/tenants/acme/users/1", "/api/tenants/:tenant/users/:user"],
    ["/api/two/7", "/api/two/:id"],
    ["/api/message:send", "/api/message:send"],
    ["/api/any", "/api/any", "PUT"],
    ["/api/items/42", undefined, "DELETE"],
    ["/after/first", "/after/first"],
    ["/late/1", "/late/:id"],
    ["/nowhere", undefined],
    ["/mounted", "/mounted"],
    ["/mounted/items/1", "/mounted/items/:id"],
    ["/outer/inner/1", "/outer/inner/:id"],
    ["/passed/on/1", "/passed/on/:id"],
  ])("of a request for %s", async (path, route, method = "GET") => {
    const app = new Koa().use(traceRequests());
    routes(app);
    server = await listen(app.callback());
    await send(server.url + path, { method });
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["http.route"]).toBe(route);
    expect(span?.name).toBe(route === undefined ? method : `${method} ${route}`);
  });

  it("keeps the whole path of a request if the middleware is mounted below a path", async () => {
    server = await listen(
      new Koa()
        .use(mount("/api", traceRequests() as Middleware))
        .use(ok)
        .callback(),
    );
    await send(`${server.url}/api/items/1?a=1`);
    const [span] = await telemetry.ended(1);
    expect(span?.attributes).toMatchObject({ "url.path": "/api/items/1", "url.query": "a=1" });
  });
});

describe("koaRoute() with other routers", () => {
  it("takes the path of koa-route", () => {
    expect(koaRoute({ method: "GET", originalUrl: "/a/1", routePath: "/a/:id" })).toBe("/a/:id");
  });

  it("takes a matched route without the list of layers", () => {
    expect(koaRoute({ method: "GET", originalUrl: "/a/1", _matchedRoute: "/a/:id" })).toBe("/a/:id");
  });

  it("returns no mount point if the path does not lead to one", () => {
    const layer = { path: "/:id", methods: ["GET"], regexp: /^\/[^/]+$/ };
    const ctx = { method: "GET", originalUrl: "/a/1", _matchedRoute: "/:id", matched: [layer], mountPath: "/b" };
    expect(koaRoute(ctx)).toBe("/:id");
  });

  it("returns undefined without a route", () => {
    expect(koaRoute({ method: "GET", originalUrl: "/" })).toBeUndefined();
    expect(koaRoute({ method: "GET", originalUrl: "/", _matchedRoute: 7 })).toBeUndefined();
  });
});
