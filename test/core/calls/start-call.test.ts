import { DiagLogLevel, ROOT_CONTEXT, SpanKind, TraceFlags, context, diag, propagation, trace } from "@opentelemetry/api";
import type { Context, Span, Tracer } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { suppressTracing } from "@opentelemetry/core";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import type { ClientCall } from "../../../src/core/calls/client-call.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import { activeCalls } from "../../../src/core/calls/active-calls.ts";
import type { ClientOptions } from "../../../src/core/telemetry/options.ts";
import { isTracingActive, startCall } from "../../../src/core/calls/start-call.ts";
import { startMetrics } from "../../server/metrics.ts";
import { clearGlobals, startTelemetry } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";

const URL_ = "http://agent.example/rpc";
const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
const TRACEPARENT = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
const TRACED = trace.setSpanContext(ROOT_CONTEXT, SPAN);
const BAGGAGE = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ user: { value: "1" } }));

const error = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};
const listen = (): void =>
  void diag.setLogger({ error, warn: quiet, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ERROR);
const told = (): unknown[] => error.mock.calls.map(([, text]) => text);

/** Starts a call in a context. */
const start = (
  options: ClientOptions,
  within: Context = ROOT_CONTEXT,
  headers?: unknown,
  request?: unknown,
): ClientCall | undefined =>
  context.with(within, () => startCall(clientConfig("f", options), { method: "GET", url: URL_, headers, request }));

const thrower = (): never => {
  throw new Error("broken");
};

afterEach(() => {
  clearGlobals();
  vi.unstubAllEnvs();
  error.mockReset();
  activeCalls.length = 0;
});

describe("without an SDK", () => {
  beforeEach(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    listen();
  });

  test("there is something to tell only within a trace, or to a provider of the user's", () => {
    const tracerProvider = { getTracer: () => ({}) as Tracer };
    const meterProvider = startMetrics(false).provider;
    const tells = (options: ClientOptions = {}): boolean => isTracingActive(clientConfig("f", options));
    expect([tells(), tells({ tracerProvider }), tells({ meterProvider })]).toEqual([false, true, true]);
    expect(context.with(TRACED, tells)).toBe(true);
  });

  test.each<[string, Context, Record<string, string> | undefined]>([
    ["nothing", ROOT_CONTEXT, undefined],
    ["a trace", TRACED, { traceparent: TRACEPARENT }],
    ["baggage", BAGGAGE, { baggage: "user=1" }],
  ])("a call within %s only passes it on, and has nothing to report", (_, within, headers) => {
    const requestHook = vi.fn<() => void>();
    expect(start({ requestHook }, within)?.headers).toEqual(headers);
    expect([requestHook.mock.calls, told()]).toEqual([[], []]);
  });

  test("a call is measured where there is a meter, also outside of any trace", () => {
    const call = start({ meterProvider: startMetrics(false).provider });
    expect([call?.observed, call?.headers]).toEqual([true, undefined]);
  });

  test("nor a propagator there is no call", () => {
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    expect([start({}), start({}, TRACED), start({}, BAGGAGE)]).toEqual([undefined, undefined, undefined]);
  });
});

describe("with an SDK", () => {
  let telemetry: TestTelemetry;
  beforeEach(() => {
    telemetry = startTelemetry();
    listen();
  });
  afterEach(() => telemetry.stop());

  test.each<[string, ClientOptions, Context, unknown]>([
    ["is suppressed", {}, suppressTracing(TRACED), undefined],
    ["is ignored by the user", { ignoreRequestHook: (request) => request === "request" }, TRACED, undefined],
  ])("a request that %s goes through untouched", (_, options, within, headers) => {
    expect(start(options, within, headers, "request")).toBeUndefined();
    expect([telemetry.started(), told()]).toEqual([0, []]);
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
    expect(start({}, outer?.context)).toBeDefined();
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

  test.each<[string, () => unknown]>([
    ["false", () => false],
    ["what is only like true", () => 1],
    ["nothing, for it throws", thrower],
  ])("a request is traced where ignoreRequestHook says %s", (_, ignoreRequestHook) => {
    expect(start({ ignoreRequestHook: ignoreRequestHook as () => boolean })).toBeDefined();
    expect(telemetry.started()).toBe(1);
  });

  test.each<[string, Record<string, string> | undefined, string[]]>([
    ["no headers", undefined, []],
    ["a traceparent", { Traceparent: TRACEPARENT }, ["traceparent", "tracestate"]],
    ["baggage", { traceparent: TRACEPARENT, baggage: "user=1" }, ["baggage", "traceparent", "tracestate"]],
  ])("of %s put in by hand the call replaces what it has read there", (_, headers, replaced) => {
    const call = start({}, ROOT_CONTEXT, headers);
    expect(call?.replaced.toSorted()).toEqual(replaced);
    call?.end();
    const [span] = telemetry.own();
    expect(span?.parentSpanContext?.spanId).toBe(headers && SPAN.spanId);
    expect(call?.headers?.["traceparent"]).toContain(span?.spanContext().spanId);
    expect(call?.headers?.["baggage"]).toBe(headers?.["baggage"]);
  });

  test.each<[string, Context, unknown, number, Record<string, string> | undefined]>([
    ["nothing", ROOT_CONTEXT, undefined, 0, undefined],
    ["baggage alone", BAGGAGE, undefined, 0, { baggage: "user=1" }],
    ["a trace", TRACED, undefined, 1, { traceparent: expect.stringContaining(SPAN.traceId) as string }],
    [
      "headers by hand",
      ROOT_CONTEXT,
      { traceparent: TRACEPARENT },
      1,
      { traceparent: expect.stringContaining(SPAN.traceId) as string },
    ],
  ])("with requireParentforSpans only a call within a trace has a span: %s", (_, within, headers, spans, sent) => {
    expect(start({ requireParentforSpans: true }, within, headers)?.headers).toEqual(sent);
    expect(telemetry.started()).toBe(spans);
    expect(start({ requireParentforSpans: false }, within, headers)).toBeDefined();
    expect(telemetry.started()).toBe(spans + 1);
  });

  test("each attempt says how many went before it, and of A2A what the first one's headers told", () => {
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

  test("requestHook sees the span, and the request, before it goes out", () => {
    const request = { url: URL_ };
    const requestHook = vi.fn<(span: Span, request: unknown) => void>((span) => span.setAttribute("by.hook", 1));
    start({ requestHook }, ROOT_CONTEXT, undefined, request)?.end();
    expect(requestHook.mock.calls.map(([, seen]) => seen)).toEqual([request]);
    expect(telemetry.own()[0]?.attributes).toMatchObject({ "by.hook": 1 });
  });

  test("a span starts with the name and the attributes of the user's hooks, and samplers see no empty one", () => {
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

  test("a tracer that throws costs the span, not the trace", () => {
    const tracerProvider = { getTracer: () => ({ startSpan: thrower }) as unknown as Tracer };
    const requestHook = vi.fn<() => void>();
    expect(start({ tracerProvider, requestHook }, TRACED)?.headers).toEqual({ traceparent: TRACEPARENT });
    expect([requestHook.mock.calls, told()]).toEqual([[], ["the tracer threw; the request goes on without it"]]);
  });

  test("a provider that throws costs the call, not the request", () => {
    const tracerProvider = { getTracer: thrower, getDelegate: thrower };
    expect(start({ tracerProvider }, TRACED)).toBeUndefined();
    expect(told()).toEqual(["starting a call threw; the request goes on without it"]);
  });
});
