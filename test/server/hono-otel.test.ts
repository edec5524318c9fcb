import { getRequestListener } from "@hono/node-server";
import { httpInstrumentationMiddleware } from "@hono/otel";
import { SpanKind, context, propagation, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests as traceListener } from "../../src/server/node.ts";
import { traceMiddleware, traceRequests } from "../../src/server/web.ts";
import { startTelemetry, inSpan } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { SPAN_ID, TRACEPARENT, send } from "./client.ts";

let telemetry: TestTelemetry;
let server: TestServer;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

function routes(app: Hono): Hono {
  app.get("/items/:id", async (c) => {
    await inSpan("work", () => {});
    return c.text("ok");
  });
  return app.get("/forward", () => innerApp().request("/items/1"));
}
const innerApp = (): Hono => new Hono().use(httpInstrumentationMiddleware()).get("/items/:id", (c) => c.text("inner"));
const withOtel = (): Hono => routes(new Hono().use(httpInstrumentationMiddleware()));

const servers = (): ReadableSpan[] => telemetry.spans().filter(({ kind }) => kind === SpanKind.SERVER);
const named = (name: string): ReadableSpan | undefined => telemetry.spans().find((span) => span.name === name);

describe.each([
  ["Hono middleware", () => getRequestListener(routes(new Hono().use(traceMiddleware(), httpInstrumentationMiddleware())).fetch)],
  ["a wrapped handler", () => getRequestListener(traceRequests(withOtel().fetch))],
  ["a wrapped listener", () => traceListener(getRequestListener(withOtel().fetch))],
])("@hono/otel inside %s", (_, make) => {
  beforeEach(async () => void (server = await listen(make())));

  it.each([
    ["with a caller", { traceparent: TRACEPARENT, baggage: "a=1" }],
    ["without a caller", {}],
  ])("leaves one SERVER span for a request %s", async (_caller, headers) => {
    await send(`${server.url}/items/1`, { headers });
    await telemetry.settled();
    const [span, ...more] = servers();
    expect(more).toEqual([]);
    expect(span).toBe(telemetry.own()[0]);
    const second = telemetry.spans().find(({ instrumentationScope }) => instrumentationScope.name === "@hono/otel");
    expect(second?.kind).toBe(SpanKind.INTERNAL);
    expect(second?.parentSpanContext?.spanId).toBe(span?.spanContext().spanId);
    expect(named("work")?.parentSpanContext?.spanId).toBe(second?.spanContext().spanId);
  });

  it("continues the caller's trace", async () => {
    await send(`${server.url}/items/1`, { headers: { traceparent: TRACEPARENT } });
    await telemetry.settled();
    expect(servers()[0]?.parentSpanContext?.spanId).toBe(SPAN_ID);
  });

  it("keeps the SERVER span of another request that the handler dispatches", async () => {
    await send(`${server.url}/forward`, { headers: { traceparent: TRACEPARENT } });
    await telemetry.settled();
    const paths = servers().map(({ attributes }) => attributes["url.path"] ?? new URL(String(attributes["url.full"])).pathname);
    expect(new Set(paths)).toEqual(new Set(["/forward", "/items/1"]));
  });
});

it("enriches the SERVER span of @hono/otel if that is the outer middleware", async () => {
  const options = { headersToSpanAttributes: { requestHeaders: ["x-tenant"] } };
  server = await listen(
    getRequestListener(routes(new Hono().use(httpInstrumentationMiddleware(), traceMiddleware(options))).fetch),
  );
  await send(`${server.url}/items/1`, { headers: { traceparent: TRACEPARENT, "x-tenant": "a" } });
  await telemetry.settled();
  const [span, ...more] = servers();
  expect(more).toEqual([]);
  expect(telemetry.own()).toEqual([]);
  expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
  expect(span?.attributes).toMatchObject({ "http.route": "/items/:id", "http.request.header.x-tenant": ["a"] });
  expect(named("work")?.parentSpanContext?.spanId).toBe(span?.spanContext().spanId);
});

it("does not change SERVER spans of protocols on top of HTTP", async () => {
  server = await listen(
    traceListener((_, response) => {
      trace.getTracer("mcp").startActiveSpan("tools/call", { kind: SpanKind.SERVER }, (span) => span.end());
      response.end();
    }),
  );
  await send(server.url);
  await telemetry.settled();
  expect(servers().map(({ name }) => name)).toEqual(["tools/call", "GET"]);
});

it("makes the SERVER span the parent of spans in a context that is extracted from the request again", async () => {
  server = await listen(
    traceListener((request, response) => {
      const span = trace.getTracer("application").startSpan("work", {}, propagation.extract(context.active(), request.headers));
      span.end();
      response.end();
    }),
  );
  await send(server.url, { headers: { traceparent: TRACEPARENT } });
  await telemetry.settled();
  expect(named("work")?.parentSpanContext?.spanId).toBe(servers()[0]?.spanContext().spanId);
});
