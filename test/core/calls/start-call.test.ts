import { ROOT_CONTEXT, SpanKind, TraceFlags, context, propagation, trace } from "@opentelemetry/api";
import type { Context, Span, Tracer } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { suppressTracing } from "@opentelemetry/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClientCall } from "../../../src/core/calls/client-call.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import type { ClientOptions } from "../../../src/core/telemetry/options.ts";
import { isTracingActive, startCall } from "../../../src/core/calls/start-call.ts";
import { startMetrics } from "../../server/metrics.ts";
import { remainingCalls } from "../../support/active-calls.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../../support/diagnostics.ts";
import { clearGlobals, startTelemetry } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";

const URL_ = "http://agent.example/rpc";
const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
const TRACEPARENT = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
const TRACED = trace.setSpanContext(ROOT_CONTEXT, SPAN);
const BAGGAGE = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ user: { value: "1" } }));

let diagnostics: DiagnosticsRecorder;
const errors = (): unknown[] => diagnostics.messages("error");

let started: ClientCall[] = [];
/** Starts a call in a context. The call is ended after the test. */
const start = (
  options: ClientOptions,
  within: Context = ROOT_CONTEXT,
  headers?: unknown,
  request?: unknown,
): ClientCall | undefined => {
  const call = context.with(within, () => startCall(clientConfig("f", options), { method: "GET", url: URL_, headers, request }));
  if (call !== undefined) started.push(call);
  return call;
};

const thrower = (): never => {
  throw new Error("broken");
};

afterEach(() => {
  for (const call of started) call.end();
  started = [];
  clearGlobals();
  vi.unstubAllEnvs();
  expect(remainingCalls()).toEqual([]);
});

describe("startCall() without an SDK", () => {
  beforeEach(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    diagnostics = recordDiagnostics();
  });

  it("is active only within a trace or with a provider in the options", () => {
    const tracerProvider = { getTracer: () => ({}) as Tracer };
    const meterProvider = startMetrics(false).provider;
    const isActive = (options: ClientOptions = {}): boolean => isTracingActive(clientConfig("f", options));
    expect(isActive()).toBe(false);
    expect(isActive({ tracerProvider })).toBe(true);
    expect(isActive({ meterProvider })).toBe(true);
    expect(context.with(TRACED, isActive)).toBe(true);
  });

  it.each<[string, Context, Record<string, string> | undefined]>([
    ["nothing", ROOT_CONTEXT, undefined],
    ["a trace", TRACED, { traceparent: TRACEPARENT }],
    ["baggage", BAGGAGE, { baggage: "user=1" }],
  ])("only forwards the context of a call within %s", (_, within, headers) => {
    const requestHook = vi.fn<() => void>();
    expect(start({ requestHook }, within)?.headers).toEqual(headers);
    expect(requestHook.mock.calls).toEqual([]);
    expect(errors()).toEqual([]);
  });

  it("measures a call with a meter provider outside of a trace", () => {
    const call = start({ meterProvider: startMetrics(false).provider });
    expect(call?.observed).toBe(true);
    expect(call?.headers).toBeUndefined();
  });

  it("starts no call without a propagator", () => {
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    expect(start({})).toBeUndefined();
    expect(start({}, TRACED)).toBeUndefined();
    expect(start({}, BAGGAGE)).toBeUndefined();
  });
});

describe("startCall() with an SDK", () => {
  let telemetry: TestTelemetry;
  beforeEach(() => {
    telemetry = startTelemetry();
    diagnostics = recordDiagnostics();
  });
  afterEach(() => telemetry.stop());

  it.each<[string, ClientOptions, Context, unknown]>([
    ["is suppressed", {}, suppressTracing(TRACED), undefined],
    ["the application ignores", { ignoreRequestHook: (request) => request === "request" }, TRACED, undefined],
  ])("leaves a request untouched that %s", (_, options, within, headers) => {
    expect(start(options, within, headers, "request")).toBeUndefined();
    expect(telemetry.started()).toBe(0);
    expect(errors()).toEqual([]);
  });

  it("leaves a request untouched that carries the traceparent of an active call", () => {
    const outer = start({});
    expect(start({}, ROOT_CONTEXT, { Traceparent: outer?.traceparent })).toBeUndefined();
    expect(telemetry.started()).toBe(1);
    outer?.end();
  });

  it("leaves a request untouched that an active call's context makes for the same method and URL", () => {
    const outer = start({ propagateTo: [] });
    expect(start({}, outer?.context)).toBeUndefined();
    outer?.end();
    expect(start({}, outer?.context)).toHaveProperty("headers");
    expect(telemetry.started()).toBe(2);
  });

  it("removes from the request of an active call what the inner policy forbids", () => {
    const outer = start({}, BAGGAGE);
    const inner = start({ propagateTo: [] }, ROOT_CONTEXT, { ...outer?.headers, "x-a": "1" });
    expect(inner?.headers).toEqual({});
    expect(inner?.replaced.toSorted()).toEqual(["baggage", "traceparent"]);
    expect(telemetry.started()).toBe(1);
    outer?.end();
  });

  it.each<[string, () => unknown]>([
    ["false", () => false],
    ["a truthy value", () => 1],
    ["an error, which it throws", thrower],
  ])("traces a request if ignoreRequestHook returns %s", (_, ignoreRequestHook) => {
    expect(start({ ignoreRequestHook: ignoreRequestHook as () => boolean })).toHaveProperty("headers.traceparent");
    expect(telemetry.started()).toBe(1);
  });

  it.each<[string, Record<string, string> | undefined, string[]]>([
    ["no headers", undefined, []],
    ["a traceparent", { Traceparent: TRACEPARENT }, ["traceparent", "tracestate"]],
    ["baggage", { traceparent: TRACEPARENT, baggage: "user=1" }, ["baggage", "traceparent", "tracestate"]],
  ])("replaces the headers that it reads from the caller: %s", (_, headers, replaced) => {
    const call = start({}, ROOT_CONTEXT, headers);
    expect(call?.replaced.toSorted()).toEqual(replaced);
    call?.end();
    const [span] = telemetry.own();
    expect(span?.parentSpanContext?.spanId).toBe(headers && SPAN.spanId);
    expect(call?.headers?.["traceparent"]).toContain(span?.spanContext().spanId);
    expect(call?.headers?.["baggage"]).toBe(headers?.["baggage"]);
  });

  it.each<[string, Context, unknown, number, Record<string, string> | undefined]>([
    ["nothing", ROOT_CONTEXT, undefined, 0, undefined],
    ["baggage alone", BAGGAGE, undefined, 0, { baggage: "user=1" }],
    ["a trace", TRACED, undefined, 1, { traceparent: expect.stringContaining(SPAN.traceId) as string }],
    [
      "headers of the caller",
      ROOT_CONTEXT,
      { traceparent: TRACEPARENT },
      1,
      { traceparent: expect.stringContaining(SPAN.traceId) as string },
    ],
  ])("records with requireParentforSpans only calls within a trace: %s", (_, within, headers, spans, sent) => {
    expect(start({ requireParentforSpans: true }, within, headers)?.headers).toEqual(sent);
    expect(telemetry.started()).toBe(spans);
    expect(start({ requireParentforSpans: false }, within, headers)).toHaveProperty("headers.traceparent");
    expect(telemetry.started()).toBe(spans + 1);
  });

  it("records the resend count of each attempt and recognises A2A by the first attempt's headers", () => {
    const config = clientConfig("f");
    let previous: ClientCall | undefined;
    for (const headers of [{ "a2a-version": "1.0" }, undefined, undefined]) {
      const call = startCall(config, { method: "GET", url: "http://agent.example/tasks/7", headers, request: undefined, previous });
      call?.end();
      previous = call;
    }
    const spans = telemetry.own();
    expect(spans.map(({ name, attributes }) => [name, attributes["http.request.resend_count"]])).toEqual([
      ["GET /tasks/{id}", undefined],
      ["GET /tasks/{id}", 1],
      ["GET /tasks/{id}", 2],
    ]);
    const first = spans[0]?.spanContext();
    expect(spans.map((span) => span.parentSpanContext?.spanId)).toEqual([undefined, first?.spanId, first?.spanId]);
  });

  it("passes span and request to requestHook before the request is sent", () => {
    const request = { url: URL_ };
    const requestHook = vi.fn<(span: Span, request: unknown) => void>((span) => span.setAttribute("by.hook", 1));
    start({ requestHook }, ROOT_CONTEXT, undefined, request)?.end();
    expect(requestHook.mock.calls.map(([, seen]) => seen)).toEqual([request]);
    expect(telemetry.own()[0]?.attributes).toMatchObject({ "by.hook": 1 });
  });

  it("starts the span with the name and attributes of the hooks, so that samplers see them", () => {
    const startSpan = vi.fn<Tracer["startSpan"]>(() => trace.wrapSpanContext(SPAN));
    const tracerProvider = { getTracer: () => ({ startSpan }) as unknown as Tracer };
    const attributes = { "http.request.method": "GET", "server.address": "agent.example", "server.port": 80, "url.full": URL_ };
    start({ tracerProvider }, TRACED);
    start({ tracerProvider, urlTemplate: () => "/{any}", startSpanHook: () => ({ "by.hook": 1, "server.port": 81 }) }, TRACED);
    expect(startSpan.mock.calls).toStrictEqual([
      ["GET", { kind: SpanKind.CLIENT, attributes }, TRACED],
      [
        "GET /{any}",
        { kind: SpanKind.CLIENT, attributes: { ...attributes, "server.port": 81, "url.template": "/{any}", "by.hook": 1 } },
        TRACED,
      ],
    ]);
  });

  it("keeps the trace if the tracer throws", () => {
    const tracerProvider = { getTracer: () => ({ startSpan: thrower }) as unknown as Tracer };
    const requestHook = vi.fn<() => void>();
    expect(start({ tracerProvider, requestHook }, TRACED)?.headers).toEqual({ traceparent: TRACEPARENT });
    expect(requestHook.mock.calls).toEqual([]);
    expect(errors()).toEqual(["the tracer threw; the request goes on without it"]);
  });

  it("leaves the request untouched if the provider throws", () => {
    const tracerProvider = { getTracer: thrower, getDelegate: thrower };
    expect(start({ tracerProvider }, TRACED)).toBeUndefined();
    expect(errors()).toEqual(["starting a call threw; the request goes on without it"]);
  });
});

describe("startCall() within baggage but outside of any trace", () => {
  it("starts a call for a request that has the active baggage already", () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const call = start({ baggageTo: [] }, BAGGAGE, { baggage: "user=1" });
    expect(call?.isInner).toBe(false);
    expect(call?.replaced).toEqual(["baggage"]);
    expect(call?.headers).toEqual({});
  });
});

describe("startCall() beneath another instrumentation of this package, without a propagator", () => {
  it("starts no call, because there are no headers to restrict", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    const telemetry = startTelemetry({ propagator: null });
    const outer = start({});
    expect(outer?.observed).toBe(true);
    expect(start({ propagateTo: [] }, outer?.context)).toBeUndefined();
    await telemetry.stop();
  });
});
