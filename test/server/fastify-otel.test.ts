import { FastifyOtelInstrumentation } from "@fastify/otel";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import fastify from "fastify";
import type { FastifyReply } from "fastify";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceRequests } from "../../src/server/fastify.ts";
import type { FastifyOptions } from "../../src/server/fastify.ts";
import { recordDiagnostics } from "../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../support/diagnostics.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, send } from "./client.ts";
import { listenTo } from "./fastify-app.ts";
import type { TestApp } from "./fastify-app.ts";

let telemetry: TestTelemetry;
let diagnostics: DiagnosticsRecorder;
let server: TestApp;
beforeEach(() => {
  telemetry = startTelemetry();
  diagnostics = recordDiagnostics();
});
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

const HEADERS = { traceparent: TRACEPARENT, "x-tenant": "a" };

async function start(order: "first" | "second", options: FastifyOptions = {}): Promise<void> {
  const instrumentation = new FastifyOtelInstrumentation();
  instrumentation.setTracerProvider(trace.getTracerProvider());
  const app = fastify({ forceCloseConnections: true });
  if (order === "first") await app.register(instrumentation.plugin());
  await app.register(traceRequests, options);
  if (order === "second") await app.register(instrumentation.plugin());
  app.get("/items/:id", async (_, reply) => {
    reply.header("x-answer", "42");
    return "ok";
  });
  app.get("/throws/:id", async () => {
    throw new TypeError("no");
  });
  server = await listenTo(app);
}

it("logs a warning if @fastify/otel is registered first and a policy cannot be applied to handlers", async () => {
  await start("first", { acceptBaggage: true });
  await send(`${server.url}/items/1`, { headers: { ...HEADERS, baggage: "a=1" } });
  expect(diagnostics.messages("warn")).toEqual([]);
  await server.close();
  await start("first", { acceptBaggage: false });
  await send(`${server.url}/items/1`, { headers: { ...HEADERS, baggage: "a=1" } });
  expect(diagnostics.messages("warn")).toEqual([expect.stringContaining("acceptBaggage and incoming do not apply")]);
});

async function serverSpan(path: string): Promise<ReadableSpan | undefined> {
  await send(`${server.url}${path}`, { headers: HEADERS });
  await telemetry.settled();
  const spans = telemetry.spans().filter(({ kind }) => kind === SpanKind.SERVER);
  expect(spans).toHaveLength(1);
  return spans[0];
}

describe.each(["first", "second"] as const)("@fastify/otel, registered %s", (order) => {
  it("leaves one SERVER span with the attributes of both", async () => {
    await start(order, { headersToSpanAttributes: { requestHeaders: ["x-tenant"], responseHeaders: ["x-answer"] } });
    const span = await serverSpan("/items/1");
    expect(span?.name).toBe("GET /items/:id");
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(span?.attributes).toMatchObject({
      "http.route": "/items/:id",
      "http.response.status_code": 200,
      "http.request.header.x-tenant": ["a"],
      "http.response.header.x-answer": ["42"],
    });
  });

  it("leaves one SERVER span with the error of a failed request", async () => {
    await start(order);
    const span = await serverSpan("/throws/1");
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.events.map(({ name }) => name)).toEqual(["exception"]);
  });

  it("is not written to after the end of its span", async () => {
    await start(order);
    await serverSpan("/items/1");
    await send(`${server.url}/throws/1`);
    await send(`${server.url}/none`);
    expect(diagnostics.messages("warn")).toEqual([]);
    expect(diagnostics.messages("error")).toEqual([]);
  });

  it("calls both hooks once", async () => {
    const requestHook = vi.fn();
    const responseHook = vi.fn<(span: unknown, exchange: { response: FastifyReply }) => void>();
    await start(order, { requestHook, responseHook });
    const span = await serverSpan("/items/1");
    expect(requestHook).toHaveBeenCalledExactlyOnceWith(span, expect.anything());
    expect(responseHook).toHaveBeenCalledExactlyOnceWith(span, expect.anything());
  });
});
