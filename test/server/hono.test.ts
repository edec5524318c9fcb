import { setTimeout as sleep } from "node:timers/promises";
import { SpanKind, SpanStatusCode, propagation, trace } from "@opentelemetry/api";
import { Hono } from "hono";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { stream, streamSSE } from "hono/streaming";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceMiddleware } from "../../src/server/web.ts";
import type { WebOptions } from "../../src/server/web.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send } from "./client.ts";
import { routes } from "./hono-app.ts";
import { activeTrace, serveWeb, streamFrom } from "./web.ts";
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

describe("an error", () => {
  beforeEach(() => void vi.spyOn(console, "error").mockImplementation(() => {}));
  afterEach(() => void vi.restoreAllMocks());
  const failed = (path: string, route: string, status: number, type = "TypeError"): object => ({
    name: `GET ${route}`,
    kind: SpanKind.SERVER,
    status: SpanStatusCode.ERROR,
    attributes: getAttributes(server?.port ?? 0, path, {
      "http.response.status_code": status,
      "http.route": route,
      "error.type": type,
    }),
    events: type === "TypeError" ? ["exception"] : [],
  });
  const spanOf = async (path: string, status: number): Promise<unknown> => {
    const answer = await send(url(path));
    expect(answer.status).toBe(status);
    const [span] = await telemetry.ended(1);
    return span && shapeOf(span);
  };

  it.each([
    ["/throws/42", "/throws/:id"],
    ["/rejects/42", "/rejects/:id"],
    ["/api/items/42/throws", "/api/items/:id/throws"],
    ["/tenants/acme/items/42/rejects", "/tenants/:tenant/items/:id/rejects"],
  ])("of a handler is recorded, with Hono's own response: %s", async (path, route) => {
    await start(routes(traced()));
    expect(await spanOf(path, 500)).toEqual(failed(path, route, 500));
  });

  it("is recorded with an onError of the application", async () => {
    await start(routes(traced()).onError((_, c) => c.json({}, 503)));
    expect(await spanOf("/throws/1", 503)).toEqual(failed("/throws/1", "/throws/:id", 503));
  });

  it("is not recorded if onError responds with a status below 500", async () => {
    await start(routes(traced()).onError((_, c) => c.json({}, 422)));
    expect(await spanOf("/throws/1", 422)).toMatchObject({ status: SpanStatusCode.UNSET, events: [] });
  });

  it("is recorded with an onError of a mounted application", async () => {
    await start(routes(traced()));
    expect(await spanOf("/own/throws/1", 502)).toEqual(failed("/own/throws/1", "/own/throws/:id", 502));
  });

  it("is recorded without an exception for an HTTPException of 500 and above, and not at all below", async () => {
    const app = traced().get("/:status", (c) => {
      throw new HTTPException(Number(c.req.param("status")) as 404);
    });
    await start(app);
    expect(await spanOf("/418", 418)).toMatchObject({ status: SpanStatusCode.UNSET, events: [] });
    telemetry.reset();
    expect(await spanOf("/503", 503)).toEqual(failed("/503", "/:status", 503, "503"));
  });

  it("is recorded and reaches the server if the thrown value is not an Error", async () => {
    await start(
      traced().get("/", () => {
        throw "text"; // oxlint-disable-line typescript/only-throw-error -- as applications do
      }),
    );
    expect(await spanOf("/", 500)).toEqual({ ...failed("/", "/", 500, "_OTHER"), events: ["exception"] });
  });

  it("is not recorded if a handler returns nothing, for which Hono fails after the middleware", async () => {
    await start(traced().get("/", (() => {}) as unknown as () => Response));
    expect(await spanOf("/", 500)).toEqual(failed("/", "/", 500, "500"));
  });

  it("is not recorded for notFound of the application, which has a status and no route", async () => {
    await start(routes(traced()).notFound((c) => c.text("nothing", 410)));
    expect(await spanOf("/nowhere", 410)).toMatchObject({ name: "GET", status: SpanStatusCode.UNSET });
  });
});

describe("the caller's context", () => {
  it("is active in middleware, handlers, validators and error handlers", async () => {
    const seen: Record<string, string | undefined> = {};
    const note = (where: string): void => void (seen[where] = activeTrace());
    const app = traced()
      .use(async (_, next) => {
        note("middleware");
        await next();
        note("middleware, after");
      })
      .onError((_, c) => {
        note("error handler");
        return c.text("no", 500);
      });
    app.post("/", async (c) => {
      note(`handler of ${JSON.stringify(await c.req.json())}`);
      setTimeout(() => note("timer"), 1);
      await sleep(5);
      throw new Error("to the error handler");
    });
    await start(app);
    await send(url("/"), { method: "POST", headers: { traceparent: TRACEPARENT }, body: '{"a":1}' });
    const wheres = ["middleware", "middleware, after", "error handler", 'handler of {"a":1}', "timer"];
    expect(seen).toEqual(Object.fromEntries(wheres.map((where) => [where, TRACE_ID])));
  });

  it("contains the values of earlier middleware, whose span is not the parent", async () => {
    let seen: string | undefined;
    const app = new Hono().use((_, next) =>
      trace.getTracer("app").startActiveSpan("outer", (span) => next().finally(() => span.end())),
    );
    app.use(traceMiddleware()).get("/", (c) => {
      seen = propagation.getActiveBaggage()?.getEntry("who")?.value;
      return c.text("");
    });
    await start(app);
    await send(url("/"), { headers: { traceparent: TRACEPARENT, baggage: "who=alice" } });
    const [span] = await telemetry.ended(1);
    expect(seen).toBe("alice");
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true });
  });

  it.each<[string, (c: Context) => Response, string]>([
    ["streamSSE", (c) => streamSSE(c, (out) => parts((data) => out.writeSSE({ data }))), "data: a\n\ndata: b\n\ndata: c\n\n"],
    ["stream", (c) => stream(c, (out) => parts((data) => out.write(data))), "abc"],
    ["an async generator", (c) => c.body(streamFrom(generated())), "abc"],
  ])("is active until the end of %s, as the span is", async (_, handler, text) => {
    notes.length = 0;
    await start(traced().get("/stream", handler));
    expect((await send(url("/stream"), { headers: { traceparent: TRACEPARENT } })).body).toBe(text);
    expect(notes).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(span && shapeOf(span)).toEqual({
      name: "GET /stream",
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: getAttributes(server?.port ?? 0, "/stream", { "http.route": "/stream" }),
      events: [],
    });
    const [seconds = 0, nanoseconds = 0] = span?.duration ?? [];
    expect(seconds * 1000 + nanoseconds / 1e6).toBeGreaterThan(25);
  });
});

const notes: (string | undefined)[] = [];

async function parts(write: (part: string) => Promise<unknown>): Promise<void> {
  for (const part of ["a", "b", "c"]) {
    await sleep(10);
    notes.push(activeTrace());
    await write(part);
  }
}

async function* generated(): AsyncGenerator<Uint8Array> {
  for (const part of ["a", "b", "c"]) {
    await sleep(10);
    notes.push(activeTrace());
    yield new TextEncoder().encode(part);
  }
}

it("keeps the types of an application", async () => {
  interface Types {
    Bindings: { readonly KEY: string };
    Variables: { user: string };
  }
  const app = new Hono<Types>().use(traceMiddleware()).use("/api/*", traceMiddleware(), async (c, next) => {
    c.set("user", "alice");
    await next();
  });
  app.get("/api/:id", (c) => c.text(`${c.var.user} ${c.env.KEY} ${c.req.param("id")}`));
  const response = await app.request("/api/1", {}, { KEY: "key" });
  expect(await response.text()).toBe("alice key 1");
  await telemetry.ended(1);
});

describe("options and hooks", () => {
  it("pass the Request and the sent Response to the hooks", async () => {
    const app = new Hono().use(
      traceMiddleware({
        requestHook: (span, request) => span.setAttribute("by.request", request.url),
        responseHook: (span, { request, response }) =>
          span.setAttributes({ "by.response": response.status, "by.both": request.headers.get("x-tenant") ?? "" }),
        headersToSpanAttributes: { requestHeaders: ["x-tenant"], responseHeaders: ["x-answer", "content-length"] },
        ignoreRequestHook: (request) => request.url.endsWith("/health"),
      }),
    );
    app.get("/health", (c) => c.text(String(activeTrace()))).get("/:id", (c) => c.text("made", 201, { "x-answer": "42" }));
    await start(app);
    expect((await send(url("/health"))).body).toBe("undefined");
    await send(url("/1"), { headers: { "x-tenant": "a" } });
    const [span] = await telemetry.ended(1);
    expect(telemetry.started()).toBe(1);
    expect(span?.attributes).toEqual(
      getAttributes(server?.port ?? 0, "/1", {
        "http.route": "/:id",
        "http.response.status_code": 201,
        "by.request": url("/1"),
        "by.response": 201,
        "by.both": "a",
        "http.request.header.x-tenant": ["a"],
        "http.response.header.x-answer": ["42"],
        "http.response.header.content-length": ["4"],
      }),
    );
  });

  it("apply to app.request() too, which has no peer", async () => {
    const app = routes(traced());
    expect(await (await app.request("/items/1", { headers: { traceparent: TRACEPARENT } })).text()).toBe("ok");
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(span && shapeOf(span)).toEqual({
      name: "GET /items/:id",
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/items/:id",
        "server.address": "localhost",
        "server.port": 80,
        "url.path": "/items/1",
        "url.scheme": "http",
      },
      events: [],
    });
  });

  it("throw a TypeError that names the function and the invalid option", () => {
    expect(() => traceMiddleware({ trustProxy: "yes" as unknown as boolean })).toThrow(
      new TypeError('traceMiddleware: option "trustProxy" must be true or false, not "yes"'),
    );
  });
});
