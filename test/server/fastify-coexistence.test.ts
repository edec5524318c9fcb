import { EventEmitter } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { SpanKind, SpanStatusCode, metrics, trace } from "@opentelemetry/api";
import type { Span } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../../src/server/fastify.ts";
import type { FastifyOptions } from "../../src/server/fastify.ts";
import { traceRequests as wrap } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send, sendRaw } from "./client.ts";
import { listenTo, parts } from "./fastify-app.ts";
import { startMetrics } from "./metrics.ts";
import type { TestMetrics } from "./metrics.ts";

const HEADERS = { traceparent: TRACEPARENT, "x-tenant": "a" };
const OPTIONS: FastifyOptions = { headersToSpanAttributes: { requestHeaders: ["x-tenant"], responseHeaders: ["x-answer"] } };

let telemetry: TestTelemetry;
let server: Pick<TestServer, "url" | "port" | "close">;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

/** An application with the tracing plugin in each of the named places. */
function application(places: readonly ("before" | "again" | "in the child")[], serverOptions = {}): FastifyInstance {
  const app = fastify({ forceCloseConnections: true, ...serverOptions });
  if (places.includes("before")) app.register(traceRequests);
  if (places.includes("again")) app.register(traceRequests, OPTIONS);
  app.register(async (child) => {
    if (places.includes("in the child")) child.register(traceRequests, OPTIONS);
    child.get("/items/:id", async (_, reply) => {
      trace.getActiveSpan()?.setAttribute("by.handler", true);
      reply.header("x-answer", "42");
      return "ok";
    });
    child.get("/throws/:id", async () => Promise.reject(new TypeError("no")));
    child.get("/streams/:id", (_, reply) => reply.send(Readable.from(parts(1, new RangeError("source")))));
  });
  return app;
}

async function routing(app: FastifyInstance): Promise<TestServer> {
  await app.ready();
  return listen(wrap((request, response) => app.routing(request, response)));
}

const around = (listener: RequestListener): ReturnType<typeof createServer> => createServer(wrap(listener));

const span = (path: string, route: string, more: object = {}): object => ({
  name: `GET ${route}`,
  kind: SpanKind.SERVER,
  status: SpanStatusCode.UNSET,
  attributes: getAttributes(server.port, path, {
    "http.route": route,
    "http.request.header.x-tenant": ["a"],
    "http.response.header.x-answer": ["42"],
    "by.handler": true,
  }),
  events: [],
  ...more,
});

describe("nested instrumentation of this package", () => {
  const APPLICATIONS: [string, () => Promise<typeof server>][] = [
    ["the plugin twice", () => listenTo(application(["before", "again"]))],
    ["the plugin in the instance and in a child", () => listenTo(application(["before", "in the child"]))],
    ["the plugin inside a wrapped listener that calls app.routing", () => routing(application(["again"]))],
    ["the plugin inside a wrapped listener in serverFactory", () => listenTo(application(["again"], { serverFactory: around }))],
    [
      "the plugin in all of these places",
      () => listenTo(application(["before", "again", "in the child"], { serverFactory: around })),
    ],
  ];

  it.each(APPLICATIONS)("records one span with the attributes of all: %s", async (_, make) => {
    server = await make();
    await send(`${server.url}/items/1`, { headers: HEADERS });
    const [only] = await telemetry.ended(1);
    expect(telemetry.started()).toBe(1);
    expect(only?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(only && shapeOf(only)).toEqual(span("/items/1", "/items/:id"));
  });

  it.each(APPLICATIONS)("records the error of a stream that fails: %s", async (_, make) => {
    server = await make();
    await send(`${server.url}/streams/1`, { headers: HEADERS }).catch(() => {});
    const [only] = await telemetry.ended(1);
    expect(only && shapeOf(only)).toMatchObject({ attributes: { "error.type": "RangeError" }, events: ["exception"] });
  });

  it.each(APPLICATIONS)("records an error that becomes a 500 once: %s", async (_, make) => {
    server = await make();
    await send(`${server.url}/throws/1`, { headers: HEADERS });
    const [only] = await telemetry.ended(1);
    expect(only && shapeOf(only)).toMatchObject({ name: "GET /throws/:id", status: SpanStatusCode.ERROR, events: ["exception"] });
  });

  it("records a request that fastify refuses before any hook with the span of the wrapped listener", async () => {
    server = await routing(application(["again"]));
    await sendRaw(server.port, "GET /items/%E0%A4%A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const [only] = await telemetry.ended(1);
    expect(only && shapeOf(only)).toMatchObject({ name: "GET", attributes: { "http.response.status_code": 400 } });
  });

  it("starts no second span if a hook in between loses the context, as the callback of a connection pool may", async () => {
    const pool = new EventEmitter().on("job", (done: () => void) => done());
    const waiting: (() => void)[] = [];
    const timer = setInterval(() => {
      for (const done of waiting.splice(0)) pool.emit("job", done);
    }, 5);
    const seen: (string | undefined)[] = [];
    const app = fastify({ forceCloseConnections: true });
    app.register(traceRequests);
    app.addHook("onRequest", (_request, _reply, done) => void waiting.push(done));
    app.addHook("onRequest", async () => void seen.push(trace.getActiveSpan()?.spanContext().traceId));
    app.register(traceRequests, OPTIONS);
    app.get("/items/:id", async () => void seen.push(trace.getActiveSpan()?.spanContext().traceId));
    server = await listenTo(app);
    await send(`${server.url}/items/1`, { headers: HEADERS });
    clearInterval(timer);
    const [only] = await telemetry.ended(1);
    expect(only?.attributes).toMatchObject({ "http.request.header.x-tenant": ["a"] });
    expect(seen).toEqual([undefined, TRACE_ID]); // lost, and restored by the second plugin
  });

  it("traces a request with the second plugin if the first ignores it", async () => {
    const app = fastify({ forceCloseConnections: true });
    app.register(traceRequests, { ignoreRequestHook: () => true });
    app.register(traceRequests, OPTIONS);
    app.get("/items/:id", async () => "ok");
    server = await listenTo(app);
    await send(`${server.url}/items/1`, { headers: HEADERS });
    const [only] = await telemetry.ended(1);
    expect(only?.attributes).toMatchObject({ "http.request.header.x-tenant": ["a"] });
  });

  describe("nested instrumentation with metrics and no tracer", () => {
    let measured: TestMetrics;
    beforeEach(() => {
      trace.disable();
      measured = startMetrics();
    });
    afterEach(() => metrics.disable());
    it.each(APPLICATIONS)("counts a request once, with its route: %s", async (_, make) => {
      server = await make();
      await send(`${server.url}/items/1`, { headers: HEADERS });
      expect(await measured.counts("http.server.request.duration")).toEqual([
        [
          1,
          {
            "http.request.method": "GET",
            "http.response.status_code": 200,
            "http.route": "/items/:id",
            "network.protocol.version": "1.1",
            "url.scheme": "http",
          },
        ],
      ]);
    });
  });
});

describe("inside instrumentation-http", () => {
  const instrumentation = new HttpInstrumentation({ enabled: false });
  beforeEach(() => {
    instrumentation.setTracerProvider(trace.getTracerProvider());
    instrumentation.enable();
    createRequire(import.meta.url)("node:http"); // so that it is patched
  });
  afterEach(() => instrumentation.disable());

  const servers = (): ReturnType<TestTelemetry["spans"]> => telemetry.spans().filter(({ kind }) => kind === SpanKind.SERVER);

  it.each<[string, () => Promise<typeof server>]>([
    ["the plugin", () => listenTo(application(["again"]))],
    ["the plugin twice", () => listenTo(application(["before", "again", "in the child"]))],
    ["the plugin inside a wrapped listener", () => listenTo(application(["again"], { serverFactory: around }))],
  ])("enriches the SERVER span and starts none: %s", async (_, make) => {
    server = await make();
    await send(`${server.url}/items/1`, { headers: HEADERS });
    await until(() => telemetry.spans().length > 0);
    await telemetry.settled();
    expect(telemetry.own()).toEqual([]);
    expect(servers()).toHaveLength(1);
    expect(servers()[0]?.spanContext().traceId).toBe(TRACE_ID);
    expect(servers()[0]?.name).toBe("GET /items/:id");
    expect(servers()[0]?.attributes).toMatchObject({
      "http.route": "/items/:id",
      "http.request.header.x-tenant": ["a"],
      "http.response.header.x-answer": ["42"],
      "http.response.status_code": 200,
      "by.handler": true,
    });
  });

  it("records an error that becomes a 500 on the SERVER span", async () => {
    server = await listenTo(application(["again"]));
    await send(`${server.url}/throws/1`, { headers: HEADERS });
    await telemetry.settled();
    expect(servers().map(shapeOf)).toMatchObject([
      { name: "GET /throws/:id", status: SpanStatusCode.ERROR, events: ["exception"] },
    ]);
  });

  it("passes the SERVER span to the hooks, and starts a span for app.inject(), which instrumentation-http does not see", async () => {
    const seen: Span[] = [];
    const app = fastify({ forceCloseConnections: true });
    app.register(traceRequests, { requestHook: (received) => void seen.push(received) });
    app.get("/inner", async () => "ok");
    app.get("/outer", async () => (await app.inject("/inner")).body);
    server = await listenTo(app);
    expect((await send(`${server.url}/outer`, { headers: HEADERS })).body).toBe("ok");
    await telemetry.settled();
    const [inner, outer] = servers();
    expect(inner?.name).toBe("GET /inner");
    expect(outer?.name).toBe("GET /outer");
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(telemetry.own()).toEqual([inner]);
    expect(seen).toEqual([outer, inner]);
  });

  it("keeps the decision not to sample, and starts no span", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    instrumentation.setTracerProvider(trace.getTracerProvider());
    const seen: unknown[] = [];
    const app = fastify({ forceCloseConnections: true });
    app.register(traceRequests);
    app.get("/", async () => {
      const { traceFlags, traceId } = trace.getActiveSpan()?.spanContext() ?? {};
      seen.push(traceFlags, traceId);
    });
    server = await listenTo(app);
    await send(server.url, { headers: HEADERS });
    expect(seen).toEqual([0, TRACE_ID]);
    expect(telemetry.spans()).toEqual([]);
  });
});
