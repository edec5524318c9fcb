import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createServer as createHttp2Server, connect as connectHttp2 } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceMiddleware, traceRequests } from "../../src/server/web.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send, sendAndClose } from "./client.ts";
import { serveWeb, streamFrom } from "./web.ts";
import type { WebServer } from "./web.ts";

type App = Hono<{ Bindings: HttpBindings }>;
type Fetch = Parameters<typeof serveWeb>[0];

let telemetry: TestTelemetry;
let server: WebServer;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.settled();
  await telemetry.stop();
  vi.restoreAllMocks();
});
const start = async (fetch: Fetch): Promise<void> => void (server = await serveWeb(fetch));

const HEADERS = { traceparent: TRACEPARENT, "x-tenant": "a" };
const OPTIONS = { headersToSpanAttributes: { requestHeaders: ["x-tenant"], responseHeaders: ["x-answer"] } };
const span = (path: string, more: object = {}, attributes: object = {}): object => ({
  name: "GET",
  kind: SpanKind.SERVER,
  status: SpanStatusCode.UNSET,
  attributes: getAttributes(server.port, path, attributes as never),
  events: [],
  ...more,
});
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
async function* generated(failure?: Error): AsyncGenerator<Uint8Array> {
  yield bytes("a");
  await sleep(10);
  yield bytes("b");
  if (failure !== undefined) throw failure;
}

describe("the span with @hono/node-server", () => {
  it("records the peer, the protocol version and the response that was sent", async () => {
    await start(traceRequests(new Hono().get("/json", (c) => c.json({ a: 1 }, 201, { "X-Answer": "42" })).fetch, OPTIONS));
    await send(`${server.url}/json?a=1`, { headers: HEADERS });
    const [ended] = await telemetry.ended(1);
    expect(ended?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID });
    expect(ended && shapeOf(ended)).toEqual(
      span(
        "/json",
        {},
        {
          "http.response.status_code": 201,
          "url.query": "a=1",
          "http.request.header.x-tenant": ["a"],
          "http.response.header.x-answer": ["42"],
        },
      ),
    );
  });

  it("ends when the body has been sent, not when the handler returns", async () => {
    let open = -1;
    const app: App = new Hono();
    app.get("/", (c) => {
      c.env.outgoing.on("finish", () => (open = telemetry.own().length));
      expect(c.env.incoming.url).toBe("/");
      expect(c.env.outgoing.headersSent).toBe(false);
      return c.text("ok");
    });
    await start(traceRequests(app.fetch));
    await send(server.url);
    await telemetry.ended(1);
    expect(open).toBe(0);
  });

  it("records the status that the handler has sent with the bindings", async () => {
    const app: App = new Hono();
    app.get("/", (c) => {
      c.env.outgoing.writeHead(202, { "x-answer": "by hand" }).end("done");
      return RESPONSE_ALREADY_SENT;
    });
    await start(traceRequests(app.fetch, OPTIONS));
    expect((await send(server.url)).body).toBe("done");
    const attributes = { "http.response.status_code": 202, "http.response.header.x-answer": ["by hand"] };
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([span("/", {}, attributes)]);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    [
      "throws",
      () => {
        throw new RangeError("no");
      },
    ],
    [
      "rejects",
      async () => {
        throw new RangeError("no");
      },
    ],
  ])("records the error of a handler that %s, and the status with which the server responds", async (_, handler) => {
    await start(traceRequests(handler));
    expect((await send(server.url)).status).toBe(500);
    const failed = { status: SpanStatusCode.ERROR, events: ["exception"] };
    const attributes = { "error.type": "RangeError", "http.response.status_code": 500 };
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([span("/", failed, attributes)]);
  });

  it("records the error of a stream whose source fails", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    await start(traceRequests(() => new Response(streamFrom(generated(new RangeError("source"))))));
    await expect(send(server.url)).rejects.toThrow("aborted");
    const failed = { status: SpanStatusCode.ERROR, events: ["exception"] };
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([span("/", failed, { "error.type": "RangeError" })]);
  });

  it("records HTTP/2", async () => {
    const http2 = { createServer: createHttp2Server as never };
    server = await serveWeb(
      traceRequests(() => new Response(streamFrom(generated()))),
      http2,
    );
    const session = connectHttp2(server.url);
    const stream = session.request({ ":path": "/stream", ...HEADERS });
    const chunks = await stream.setEncoding("utf8").toArray();
    session.close();
    expect(chunks.join("")).toBe("ab");
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([span("/stream", {}, { "network.protocol.version": "2" })]);
  });
});

describe.each<[string, (app: App) => Fetch]>([
  ["a wrapped handler", (app) => traceRequests(app.fetch)],
  ["the middleware", (app) => new Hono().use(traceMiddleware()).route("/", app).fetch],
])("a client that closes the connection ends the span without an error, with %s,", (name, make) => {
  const route = name === "a wrapped handler" ? {} : { "http.route": "/" };
  const named = name === "a wrapped handler" ? {} : { name: "GET /" };

  it("in the middle of streamSSE, which is aborted", async () => {
    let aborted = false;
    const app: App = new Hono();
    app.get("/", (c) =>
      streamSSE(c, async (out) => {
        out.onAbort(() => void (aborted = true));
        while (!out.aborted) {
          await out.writeSSE({ data: "x" });
          await out.sleep(5);
        }
      }),
    );
    await start(make(app));
    await sendAndClose(server.port);
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([span("/", named, route)]);
    await until(() => aborted);
  });

  it("before the response, without a status, though the handler fails because of it", async () => {
    let signal: AbortSignal | undefined;
    const app: App = new Hono();
    app.onError((_, c) => c.text("", 500));
    app.get("/", async (c) => {
      ({ signal } = c.req.raw);
      await new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(new DOMException("gone", "AbortError")));
      });
      return c.text("");
    });
    await start(make(app));
    await sendAndClose(server.port, { isReady: () => signal !== undefined });
    const [ended] = await telemetry.ended(1);
    const { "http.response.status_code": _, ...attributes } = getAttributes(server.port, "/", route);
    expect(ended && shapeOf(ended)).toEqual(span("/", { ...named, attributes }));
    await until(() => signal?.aborted === true);
  });
});

it("ends the span when the handler returns if the client has closed the connection before the middleware runs", async () => {
  let hasStarted = false;
  const app = new Hono().use(async (c, next) => {
    hasStarted = true;
    await once((c.env as { outgoing: ServerResponse }).outgoing, "close");
    await next();
  });
  await start(app.use(traceMiddleware()).get("/", (c) => c.text("ok")).fetch);
  await sendAndClose(server.port, { isReady: () => hasStarted });
  expect((await telemetry.ended(1)).map(({ name }) => name)).toEqual(["GET /"]);
});

describe("the caller's context is active", () => {
  it.each<[string, () => void]>([
    ["on Node", () => {}],
    ["on another platform that has node:http", () => void vi.stubGlobal("Deno", {})],
  ])("in the source of a byte stream, which is followed in place %s", async (_, platform) => {
    platform();
    const seen: unknown[] = [];
    const pull = async (controller: ReadableByteStreamController): Promise<void> => {
      seen.push(trace.getActiveSpan()?.spanContext().traceId);
      if (seen.length === 3) return controller.close();
      controller.enqueue(bytes("x") as Uint8Array<ArrayBuffer>);
    };
    let made: unknown;
    let returned: unknown;
    const traced = traceRequests((_request: Request, _env: object) => {
      const response = new Response(new ReadableStream({ type: "bytes", pull }));
      made = response;
      return response;
    });
    await start(async (...args) => {
      returned = traced(...args);
      await sleep(5);
      return returned;
    });
    expect((await send(server.url, { headers: HEADERS })).body).toBe("xx");
    expect(returned).toBe(made);
    expect(seen).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
    await telemetry.ended(1);
    vi.unstubAllGlobals();
  });

  it("in listeners of the bindings and of the request's signal", async () => {
    const seen: Record<string, string | undefined> = {};
    const note = (where: string): void => void (seen[where] = trace.getActiveSpan()?.spanContext().traceId);
    const app: App = new Hono();
    app.post("/", async (c) => {
      c.env.incoming.on("close", () => note("request closed"));
      c.env.outgoing.on("close", () => note("response closed"));
      await c.req.text();
      note("body read");
      return c.text("ok");
    });
    await start(traceRequests(app.fetch));
    await send(server.url, { method: "POST", headers: HEADERS, body: "body" });
    await until(() => Object.keys(seen).length === 3);
    expect(seen).toEqual({ "body read": TRACE_ID, "request closed": TRACE_ID, "response closed": TRACE_ID });
  });
});

it("records the end of a stream, but no peer, if the application does not pass on the bindings", async () => {
  const app = new Hono().use(traceMiddleware());
  app.get("/stream", () => new Response(streamFrom(generated())));
  app.get("/text", (c) => c.text("text"));
  await start((request) => app.fetch(request));
  expect((await send(`${server.url}/stream`)).body).toBe("ab");
  await send(`${server.url}/text`);
  const spans = await telemetry.ended(2);
  const [seconds = 0, nanoseconds = 0] = spans[0]?.duration ?? [];
  expect(seconds * 1000 + nanoseconds / 1e6).toBeGreaterThan(9);
  expect(spans.map(({ name, attributes }) => [name, attributes["network.peer.address"]])).toEqual([
    ["GET /stream", undefined],
    ["GET /text", undefined],
  ]);
});
