import { ROOT_CONTEXT, SpanKind, createContextKey, trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { RPCType, getRPCMetadata, setRPCMetadata } from "@opentelemetry/core";
import type { RPCMetadata } from "@opentelemetry/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerCall } from "../../../src/core/calls/server-call.ts";
import { serverConfig } from "../../../src/core/calls/server-config.ts";
import { startServerCall } from "../../../src/core/calls/start-server-call.ts";
import type { ReceivedRequest } from "../../../src/core/http/server-attributes.ts";
import type { ServerOptions } from "../../../src/core/telemetry/options.ts";
import { sharedState } from "../../../src/core/telemetry/shared-state.ts";
import { startMetrics } from "../../server/metrics.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../../support/diagnostics.ts";
import { startTelemetry } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";
import { SPAN_ID, TRACE_ID, measuredDurations, recordingTracer } from "./recording-tracer.ts";

const SERVER_DURATION = "http.server.request.duration";
const KEY = createContextKey("test");

let telemetry: TestTelemetry;
let diagnostics: DiagnosticsRecorder;
const errors = (): unknown[] => diagnostics.messages("error");
beforeEach(() => {
  telemetry = startTelemetry();
  diagnostics = recordDiagnostics();
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await telemetry.stop();
});

describe("a received request", () => {
  const CARRIED = { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` };
  const received = (headers: Record<string, string> = CARRIED, more: Partial<ReceivedRequest> = {}): ReceivedRequest => ({
    method: "GET",
    target: "/path",
    scheme: "http",
    host: "agent.example",
    headers,
    userAgent: undefined,
    readHeaders: (names) => (names.some((name) => name in headers) ? headers : undefined),
    ...more,
  });
  const receive = (
    options: ServerOptions = {},
    what = received(),
    active: Context = ROOT_CONTEXT,
    base: Context = ROOT_CONTEXT,
  ): ServerCall | undefined => startServerCall(serverConfig("f", options), { received: what, request: "request", active, base });
  const within = ROOT_CONTEXT.setValue(KEY, "active");

  const STEPS: [string, (call: ServerCall) => void, string[]][] = [
    [
      "a response",
      (call) => call.end({ status: 200, headers: () => ({ "X-A": "1" }), response: "r" }),
      ["http.response.status_code", "http.response.header.x-a"],
    ],
    [
      "a response with an error",
      (call) => call.end({ status: 500, response: "r" }),
      ["error.type", "setStatus", "http.response.status_code"],
    ],
    ["an end without a response", (call) => call.end({ status: undefined }), []],
    [
      "a failure",
      (call) => call.fail(new Error("broken"), { status: 500 }),
      ["error.type", "setStatus", "recordException", "http.response.status_code"],
    ],
    [
      "a failure without a response",
      (call) => call.fail("broken", { status: undefined }),
      ["error.type", "setStatus", "recordException"],
    ],
  ];

  it.each(STEPS)("records %s on its span once, and nothing on a non-recording span", async (_, step, expected) => {
    const metrics = startMetrics();
    const responseHook = vi.fn<(...args: unknown[]) => void>();
    const headersToSpanAttributes = { responseHeaders: ["x-a", "x-none"] };
    const { tracerProvider, recorded } = recordingTracer();
    const call = receive({ tracerProvider, headersToSpanAttributes })!;
    for (const [, another] of [["", step] as const, ...STEPS]) another(call);
    expect(recorded).toEqual([...expected, "end"]);
    expect((await metrics.counts(SERVER_DURATION)).map(([count]) => count)).toEqual([1]);
    const unrecorded = recordingTracer(false);
    const { tracerProvider: unrecording } = unrecorded;
    step(receive({ tracerProvider: unrecording, headersToSpanAttributes, requestHook: responseHook, responseHook })!);
    expect(unrecorded.recorded).toEqual(["end"]);
    expect(responseHook.mock.calls).toEqual([]);
    expect(errors()).toEqual([]);
  });

  it("measures its duration to its end or to the given time", async () => {
    const metrics = startMetrics();
    const clock = vi.spyOn(performance, "now").mockReturnValue(1000);
    const [first, second] = [receive()!, receive()!];
    clock.mockReturnValue(1250);
    first.end({ status: 200 });
    clock.mockReturnValue(4000);
    second.end({ status: 404, time: 3500 });
    clock.mockRestore();
    expect(await measuredDurations(metrics, SERVER_DURATION)).toEqual([
      [1, 0.25],
      [1, 2.5],
    ]);
  });

  it("measures its duration without an SDK for traces and calls no hook", async () => {
    await telemetry.stop();
    diagnostics = recordDiagnostics();
    const metrics = startMetrics();
    const hook = vi.fn<(...args: unknown[]) => void>();
    const call = receive({ requestHook: hook, responseHook: hook }, received({}))!;
    expect(getRPCMetadata(call.context)?.type).toBe(RPCType.HTTP);
    expect(getRPCMetadata(call.context)?.span.isRecording()).toBe(false);
    call.setRoute("/:path");
    call.end({ status: 503, response: "response" });
    expect(await metrics.counts(SERVER_DURATION)).toEqual([
      [
        1,
        {
          "error.type": "503",
          "http.request.method": "GET",
          "http.response.status_code": 503,
          "http.route": "/:path",
          "url.scheme": "http",
        },
      ],
    ]);
    expect(hook.mock.calls).toEqual([]);
    expect(errors()).toEqual([]);
  });

  it("ends without an error if there are no metrics", () => {
    receive()!.end({ status: 200, response: "response" });
    expect(telemetry.own().length).toBe(1);
    expect(errors()).toEqual([]);
  });

  it("passes its span, request and response to the hooks", () => {
    const [requestHook, responseHook] = [vi.fn<(...args: unknown[]) => void>(), vi.fn<(...args: unknown[]) => void>()];
    const call = receive({ requestHook, responseHook })!;
    const span = trace.getSpan(call.context);
    expect(requestHook.mock.calls).toEqual([[span, "request"]]);
    expect(responseHook.mock.calls).toEqual([]);
    call.end({ status: 200, response: "response" });
    expect(requestHook.mock.calls.length).toBe(1);
    expect(responseHook.mock.calls).toEqual([[span, { request: "request", response: "response" }]]);
  });

  it("reads the response headers only if some are recorded", () => {
    const headers = vi.fn<() => unknown>(() => ({ "x-a": "1" }));
    receive()!.end({ status: 200, headers, response: "response" });
    expect(headers).not.toHaveBeenCalled();
    receive({ headersToSpanAttributes: { responseHeaders: ["x-a"] } })!.end({ status: 200, headers, response: "response" });
    expect(headers).toHaveBeenCalledTimes(1);
  });

  it("exposes its span in the RPC metadata and takes its name from the route set there", () => {
    const call = receive()!;
    const metadata = getRPCMetadata(call.context) as RPCMetadata;
    expect(metadata.type).toEqual(RPCType.HTTP);
    expect(metadata.span).toEqual(trace.getSpan(call.context));
    metadata.route = "/:theirs";
    call.end({ status: 200 });
    expect(telemetry.own().map(({ name, attributes }) => [name, attributes["http.route"]])).toEqual([["GET /:theirs", "/:theirs"]]);
  });

  it("records the route but keeps the name that a protocol has set", () => {
    const call = receive()!;
    sharedState.namedSpans.add(trace.getSpan(call.context)!);
    call.setRoute("/:path");
    call.end({ status: 200 });
    expect(telemetry.own().map(({ name, attributes }) => [name, attributes["http.route"]])).toEqual([["GET", "/:path"]]);
  });

  it.each<[string, unknown, boolean]>([
    ["true", true, false],
    ["false", false, true],
    ["anything else", "yes", true],
    ["an error", new Error("broken"), true],
  ])("is ignored only if ignoreRequestHook returns true: %s", (_, answer, isReceived) => {
    const ignoreRequestHook = vi.fn<(request: unknown) => boolean>(() => {
      if (answer instanceof Error) throw answer;
      return answer as boolean;
    });
    expect(receive({ ignoreRequestHook }) !== undefined).toEqual(isReceived);
    expect(ignoreRequestHook.mock.calls).toEqual([["request"]]);
  });

  it("returns the server's own context without an SDK if it is received within another context", async () => {
    await telemetry.stop();
    expect(receive({}, received({}), within, within)).toBeUndefined();
    expect(receive({}, received({}), within, ROOT_CONTEXT)?.context.getValue(KEY)).toBeUndefined();
    expect(receive({}, received({}), within, ROOT_CONTEXT)?.endsSpan).toBe(true);
  });

  it.each<[string, string | undefined, string[]]>([
    ["parent", SPAN_ID, []],
    ["link", undefined, [SPAN_ID]],
    ["ignore", undefined, []],
  ])("treats its caller's trace as the incoming function returns: %s", (mode, parent, links) => {
    const incoming = vi.fn<(request: unknown) => never>(() => mode as never);
    receive({ incoming })!.end({ status: 200 });
    const [span] = telemetry.own();
    expect(incoming.mock.calls).toEqual([["request"]]);
    expect(span?.parentSpanContext?.spanId).toEqual(parent);
    expect(span?.links.map((link) => link.context.spanId)).toEqual(links);
  });

  it("has no link if its caller has no trace", () => {
    receive({ incoming: "link" }, received({}))?.end({ status: 200 });
    expect(telemetry.own().map(({ links }) => links)).toEqual([[]]);
  });

  describe("within an open SERVER span", () => {
    const open = (span: Span): Context => setRPCMetadata(trace.setSpan(ROOT_CONTEXT, span), { type: RPCType.HTTP, span });
    const start = (): Span =>
      trace.getTracer("theirs").startSpan("theirs", { kind: SpanKind.SERVER, attributes: { "network.peer.port": 1234 } });

    it.each<[string, () => Span, number | undefined]>([
      ["of the same peer", start, 1234],
      ["if the peer is not known", start, undefined],
      ["whose attributes are not readable", () => recordingTracer().span, 1234],
    ])("enriches that span and passes it to requestHook: %s", (_, spanOf, peerPort) => {
      const span = spanOf();
      const requestHook = vi.fn<(...args: unknown[]) => void>();
      const call = receive({ requestHook }, received(CARRIED, { peerPort }), open(span));
      expect(call?.endsSpan).toBe(false);
      expect(requestHook.mock.calls).toEqual([[span, "request"]]);
    });

    it("enriches that span without an SDK and without incoming context", async () => {
      const { span, recorded } = recordingTracer();
      await telemetry.stop();
      const active = open(span);
      expect(receive({}, received({}), active, active)?.endsSpan).toBe(false);
      expect(recorded).toEqual([]);
    });

    it("records only the response headers at its end, once", () => {
      const { span, recorded } = recordingTracer();
      const call = receive({ headersToSpanAttributes: { responseHeaders: ["x-a", "x-none"] } }, received(), open(span))!;
      for (let i = 0; i < 2; i++) call.end({ status: 500, headers: () => ({ "x-a": "1" }), response: "response" });
      call.fail(new Error("late"), { status: 500 });
      expect(recorded).toEqual(["http.response.header.x-a"]);
    });

    it("records the route but keeps the name that a protocol has set", () => {
      const { span, recorded } = recordingTracer();
      sharedState.namedSpans.add(span);
      const active = open(span);
      receive({}, received(), active)!.setRoute("/:path");
      expect(recorded).toEqual(["http.route"]);
      expect(getRPCMetadata(active)?.route).toBeUndefined();
    });

    it("records a span of its own if the other one is known by its kind only and has ended", () => {
      const span = start();
      span.end();
      const call = receive({}, received(), trace.setSpan(ROOT_CONTEXT, span), within);
      expect(call?.endsSpan).toBe(true);
      expect(call?.context.getValue(KEY)).toBe("active");
    });
  });

  describe("with telemetry that throws", () => {
    const thrower = (): never => {
      throw new Error("broken");
    };

    it("keeps the caller's trace if the tracer throws", () => {
      const call = receive({ tracerProvider: { getTracer: () => ({ startSpan: thrower }) as never } })!;
      call.end({ status: 500, response: "response" });
      expect(trace.getSpanContext(call.context)).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID });
      expect(errors()).toEqual(["the tracer threw; the request goes on without it"]);
    });

    it("logs each error of a span that throws", () => {
      const { tracerProvider, span } = recordingTracer();
      Object.assign(span, { setAttribute: thrower, setStatus: thrower, updateName: thrower, end: thrower });
      const call = receive({ tracerProvider })!;
      call.setRoute("/:path");
      call.end({ status: 500 });
      const one = "a span threw; the request goes on without it";
      const end = "ending a span threw; the request goes on without it";
      // For the error type, the status, the response's status, the route and the name.
      expect(errors()).toEqual([one, one, one, one, one, end]);
    });
  });
});
