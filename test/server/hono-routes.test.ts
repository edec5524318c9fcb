import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { Hono } from "hono";
import { PatternRouter } from "hono/router/pattern-router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { TrieRouter } from "hono/router/trie-router";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceMiddleware } from "../../src/server/web.ts";
import type { WebOptions } from "../../src/server/web.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { getAttributes, send } from "./client.ts";
import { onward, ok, refuse, routes } from "./hono-app.ts";
import { startMetrics } from "./metrics.ts";
import { serveWeb } from "./web.ts";
import type { WebServer } from "./web.ts";

let telemetry: TestTelemetry;
let server: WebServer | undefined;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server?.close();
  server = undefined;
  await telemetry.settled();
  await telemetry.stop();
});

async function start(app: Hono, options?: WebOptions): Promise<void> {
  server = await serveWeb(app.fetch, options as object);
}
const url = (path: string): string => (server?.url ?? "") + path;
const traced = (options?: WebOptions): Hono => new Hono().use(traceMiddleware(options));

describe("http.route and the span's name", () => {
  it.each<[string, string | undefined, string?]>([
    ["/", "/"],
    ["/items/42", "/items/:id"],
    ["/items/42?sig=1", "/items/:id"],
    ["/items/42", "/items/:id", "HEAD"],
    ["/pattern/7", "/pattern/:number{[0-9]+}"],
    ["/two/7", "/two/:id", "POST"],
    ["/any/7", "/any/:id", "PUT"],
    ["/missing/7", "/missing/:id"],
    ["/files/a/b", "/files/*"],
    ["/closed/7", "/closed/:id"],
    ["/api/items", "/api/items"],
    ["/api/items/42", "/api/items/:id"],
    ["/tenants/acme/items", "/tenants/:tenant/items"],
    ["/tenants/acme/items/42", "/tenants/:tenant/items/:id"],
    ["/own/all/42", "/own/all/:id"],
    ["/base/items/42", "/base/items/:id"],
    ["/last/one", "/last/*"],
    ["/nowhere", undefined],
    ["/api/nowhere", undefined],
    ["/closed/7/nowhere", undefined],
    ["/assets/logo.png", undefined],
    ["/mounted/items/42", undefined],
    ["/items/42", undefined, "DELETE"],
  ])("of a request for %s", async (path, route, method = "GET") => {
    await start(routes(traced()));
    await send(url(path), { method });
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["http.route"]).toBe(route);
    expect(span?.name).toBe(route === undefined ? method : `${method} ${route}`);
    expect(span?.attributes["url.path"]).toBe(path.replace(/\?.*/, ""));
  });

  it.each([
    ["RegExpRouter", (): Hono => new Hono({ router: new RegExpRouter() })],
    ["TrieRouter", (): Hono => new Hono({ router: new TrieRouter() })],
    ["PatternRouter", (): Hono => new Hono({ router: new PatternRouter() })],
  ])("with the %s", async (_, make) => {
    await start(make().use(traceMiddleware()).use(onward).get("/items/:id", ok).get("/items/:id/parts", ok));
    await send(url("/items/1"));
    await send(url("/items/1/parts"));
    await send(url("/items"));
    const spans = await telemetry.ended(3);
    expect(spans.map((span) => span.name)).toEqual(["GET /items/:id", "GET /items/:id/parts", "GET"]);
  });

  it("contain no route in an application without other handlers", async () => {
    await start(traced());
    expect((await send(url("/"))).status).toBe(404);
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual({
      name: "GET",
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: getAttributes(server?.port ?? 0, "/", { "http.response.status_code": 404 }),
      events: [],
    });
  });

  it("are those of a handler that calls next() without another handler, or with middleware after it", async () => {
    await start(routes(traced()));
    expect((await send(url("/onward"))).status).toBe(404);
    await server?.close();
    await start(traced().get("/items/:id", onward).use(refuse));
    expect((await send(url("/items/1"))).status).toBe(401);
    expect((await telemetry.ended(2)).map(({ name }) => name)).toEqual(["GET /onward", "GET /items/:id"]);
  });

  it("contain the whole path if the middleware belongs to a mounted application", async () => {
    await start(new Hono().route("/api", traced().get("/items/:id", ok)));
    await send(url("/api/items/1?a=1"));
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toMatchObject({
      name: "GET /api/items/:id",
      attributes: getAttributes(server?.port ?? 0, "/api/items/1", { "http.route": "/api/items/:id", "url.query": "a=1" }),
    });
  });

  it("are recorded with http.server.request.duration", async () => {
    const measured = startMetrics();
    await start(routes(traced()));
    await send(url("/items/1"));
    await send(url("/items/2"));
    await telemetry.ended(2);
    expect(await measured.counts("http.server.request.duration")).toEqual([
      [
        2,
        {
          "http.request.method": "GET",
          "http.response.status_code": 200,
          "http.route": "/items/:id",
          "network.protocol.version": "1.1",
          "url.scheme": "http",
        },
      ],
    ]);
    await measured.provider.shutdown();
  });
});
