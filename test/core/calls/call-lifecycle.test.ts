import { DiagLogLevel, ROOT_CONTEXT, SpanKind, context, createContextKey, diag, propagation, trace } from "@opentelemetry/api";
import type { Context, Span, TextMapPropagator, TracerProvider } from "@opentelemetry/api";
import { RPCType, W3CBaggagePropagator, getRPCMetadata, setRPCMetadata } from "@opentelemetry/core";
import type { RPCMetadata } from "@opentelemetry/core";
import type { DataPoint, Histogram } from "@opentelemetry/sdk-metrics";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClientCall } from "../../../src/core/calls/client-call.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import { sharedState } from "../../../src/core/telemetry/shared-state.ts";
import { findByTraceparent, activeCalls } from "../../../src/core/calls/active-calls.ts";
import type { ClientOptions, ServerOptions } from "../../../src/core/telemetry/options.ts";
import { startServerCall } from "../../../src/core/calls/start-server-call.ts";
import type { ServerCall } from "../../../src/core/calls/server-call.ts";
import type { ReceivedRequest } from "../../../src/core/http/server-attributes.ts";
import { serverConfig } from "../../../src/core/calls/server-config.ts";
import { startCall } from "../../../src/core/calls/start-call.ts";
import { startMetrics } from "../../server/metrics.ts";
import type { TestMetrics } from "../../server/metrics.ts";
import { startTelemetry } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";

const CLIENT_DURATION = "http.client.request.duration";
const SERVER_DURATION = "http.server.request.duration";
const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID = "b7ad6b7169203331";
const KEY = createContextKey("mine");

let telemetry: TestTelemetry;
const error = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};
/** Has `diag` tell us of failures; to stop an SDK takes that away again. */
const listen = (): void =>
  void diag.setLogger({ error, warn: quiet, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ERROR);
const failures = (): unknown[] => error.mock.calls.map(([, text]) => text);
beforeEach(() => {
  telemetry = startTelemetry();
  error.mockReset();
  listen();
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await telemetry.stop();
  activeCalls.length = 0;
});

interface Noting {
  readonly tracerProvider: TracerProvider;
  readonly span: Span;
  /** What the span was told: the names of its methods, and of the attributes that were set. */
  readonly told: string[];
}

/** A tracer with one span, which is not as forgiving as an SDK's: it notes what it is told, also after its end. */
function noting(isRecording = true): Noting {
  const told: string[] = [];
  const note =
    (method: string) =>
    (...[name]: unknown[]): Span => {
      told.push(method === "setAttribute" ? String(name) : method);
      return span;
    };
  const methods = ["setAttribute", "setAttributes", "setStatus", "recordException", "updateName", "addEvent", "end"];
  const span = {
    spanContext: () => ({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: isRecording ? 1 : 0 }),
    isRecording: () => isRecording,
    ...Object.fromEntries(methods.map((method) => [method, note(method)])),
  } as unknown as Span;
  return { tracerProvider: { getTracer: () => ({ startSpan: () => span }) as never }, span, told };
}

/** How long was measured, in seconds. */
async function measured(metrics: TestMetrics, name: string): Promise<unknown[]> {
  const points = (await metrics.read(name)).flatMap((metric) => metric.dataPoints as DataPoint<Histogram>[]);
  return points.map(({ value }) => [value.count, value.sum]);
}

describe("an outbound call", () => {
  const URL_ = "http://agent.example/rpc";
  const OTHER = "https://other.example:8443/rpc";
  const BAGGAGE = propagation.createBaggage({ user: { value: "1" } });
  /** Without a span, since it has no parent. */
  const SPANLESS: ClientOptions = { requireParentforSpans: true };

  const withBaggage = <Result>(fn: () => Result): Result => context.with(propagation.setBaggage(context.active(), BAGGAGE), fn);
  const begin = (options: ClientOptions = {}, previous?: ClientCall, url = URL_): ClientCall => {
    const call = startCall(clientConfig("f", options), { method: "GET", url, headers: undefined, request: "request", previous });
    if (call === undefined) throw new Error("no call");
    return call;
  };
  /** A propagator that writes one header of its own. */
  const writing = (name: string): TextMapPropagator => ({
    inject: (_context, carrier, setter) => setter.set(carrier, name, "1"),
    extract: (given) => given,
    fields: () => [name],
  });

  const STEPS: [string, (call: ClientCall) => void, string[]][] = [
    ["its URL", (call) => call.setUrl(OTHER), ["url.full", "server.address", "server.port"]],
    ["a URL without host and port", (call) => call.setUrl("agent:/rpc"), ["url.full"]],
    [
      "its connection",
      (call) => call.connected("::1", 80, "2"),
      ["network.peer.address", "network.peer.port", "network.protocol.version"],
    ],
    ["a connection of which nothing is known", (call) => call.connected(undefined, undefined, undefined), []],
    ["a response", (call) => call.response(200, { "X-A": "1" }), ["http.response.status_code", "http.response.header.x-a"]],
    ["a response with an error", (call) => call.response(500, {}), ["http.response.status_code", "error.type", "setStatus"]],
    ["the same status again", (call) => void [call.response(204, {}), call.response(204, {})], ["http.response.status_code"]],
    ["a failure", (call) => call.fail(new Error("broken")), ["error.type", "setStatus", "recordException", "end"]],
    ["a cancel", (call) => call.fail(new DOMException("enough", "AbortError")), ["end"]],
    ["its end", (call) => call.end(), ["end"]],
  ];

  it.each(STEPS)("tells its span of %s, and of nothing once it has ended, or where nothing is recorded", (_, step, expected) => {
    const headersToSpanAttributes = { responseHeaders: ["x-a", "x-none"] };
    const { tracerProvider, told } = noting();
    const call = begin({ tracerProvider, headersToSpanAttributes });
    step(call);
    expect(told).toEqual(expected);
    call.end();
    told.length = 0;
    step(call);
    expect(told).toEqual([]);
    expect(call.ended).toBe(true);
    const unrecorded = noting(false);
    step(begin({ tracerProvider: unrecorded.tracerProvider, headersToSpanAttributes }));
    expect(unrecorded.told).toEqual([]);
    expect(failures()).toEqual([]);
  });

  it("records the response's headers that are asked for, but no credentials, and keeps its method as it is sent", () => {
    const headersToSpanAttributes = { responseHeaders: ["X-A", "set-cookie", "x-none"] };
    const call = startCall(clientConfig("f", { headersToSpanAttributes }), {
      method: "PURGE",
      url: URL_,
      headers: undefined,
      request: undefined,
    });
    call?.response(200, { "x-a": ["1", "2"], "Set-Cookie": "id=1", "x-b": "3" });
    call?.end();
    const { attributes } = telemetry.own()[0]!;
    expect(Object.entries(attributes).filter(([name]) => name.startsWith("http.response.header"))).toEqual([
      ["http.response.header.x-a", ["1,2"]],
      ["http.response.header.set-cookie", ["REDACTED"]],
    ]);
    expect(call?.method).toBe("PURGE");
    expect(attributes["http.request.method"]).toBe("_OTHER");
  });

  it("that has ended keeps the status that it had", () => {
    const call = begin();
    call.response(200, undefined);
    call.end();
    call.response(500, undefined);
    expect(call.status).toBe(200);
  });

  it("is measured once, in seconds, from its start to its end, or to the time that is given", async () => {
    const metrics = startMetrics();
    const clock = vi.spyOn(performance, "now").mockReturnValue(1000);
    const [first, second] = [begin({}), begin({}, undefined, OTHER)];
    clock.mockReturnValue(1250);
    for (let i = 0; i < 2; i++) first.end();
    second.end(3500);
    second.fail(new Error("late"));
    clock.mockRestore();
    expect(await measured(metrics, CLIENT_DURATION)).toEqual([
      [1, 0.25],
      [1, 2.5],
    ]);
  });

  it("without metrics ends without a failure", () => {
    begin().end();
    expect(telemetry.own().length).toBe(1);
    expect(failures()).toEqual([]);
  });

  it("shows its response to the user's hook, as long as its span is open", () => {
    const responseHook = vi.fn<(...args: unknown[]) => void>();
    const call = begin({ responseHook });
    call.delivered("response");
    call.end();
    call.delivered("late");
    const told = { request: "request", response: "response" };
    expect(responseHook.mock.calls).toEqual([[trace.getSpan(call.context), told]]);
  });

  it("without a span, or without a hook, shows it to nobody", () => {
    const responseHook = vi.fn<(...args: unknown[]) => void>();
    withBaggage(() => begin({ ...SPANLESS, responseHook })).delivered("response");
    begin().delivered("response");
    expect(responseHook.mock.calls).toEqual([]);
    expect(failures()).toEqual([]);
  });

  it("knows the headers that it has put on a request, whatever their letter case, and no others", () => {
    const call = withBaggage(() => begin({ propagateTo: "agent.example", baggageTo: "other.example" }));
    const { traceparent } = call.headers!;
    const has = (...headers: unknown[]): boolean => call.hasIssued(headers);
    expect(has("x-a", "1", "TraceParent", traceparent)).toBe(true);
    expect(has("x-a", traceparent, "traceparent", "1")).toBe(false);
    const others = [[], ["traceparent"], ["x-a", undefined], ["x-a", "traceparent", traceparent], ["baggage", "user=1"]];
    expect(others.filter((headers) => call.hasIssued(headers))).toEqual([]);
    call.reinjectForRedirect(OTHER, { ...call.headers });
    expect(has("baggage", "user=1")).toBe(true);
    expect(has("baggage", "user=2")).toBe(false);
    expect(has("traceparent", traceparent)).toBe(true);
    expect(begin({ propagateTo: [] }).hasIssued(["traceparent", traceparent, "x-a", undefined])).toBe(false);
  });

  it("tells whether a redirect has changed the headers, also back to where the call began", () => {
    const call = withBaggage(() => begin({ propagateTo: "agent.example" }));
    const headers: Record<string, string> = { ...call.headers };
    expect(call.reinjectForRedirect(`${URL_}/2`, headers)).toBe(false);
    expect(headers).toEqual(call.headers);
    expect(call.reinjectForRedirect(OTHER, headers)).toBe(true);
    expect(headers).toEqual({});
    expect(call.reinjectForRedirect(URL_, headers, true)).toBe(true);
    expect(headers).toEqual(call.headers);
    for (const isElsewhere of [false, true]) expect(call.reinjectForRedirect(OTHER, undefined, isElsewhere)).toBe(isElsewhere);
  });

  it("leaves a redirect as it was where nothing is propagated any more", () => {
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    const call = begin();
    propagation.disable();
    for (const isElsewhere of [false, true]) expect(call.reinjectForRedirect(OTHER, {}, isElsewhere)).toBe(isElsewhere);
  });

  it("is re-sent without what it carried where the next may carry nothing", () => {
    const first = withBaggage(() => begin({ propagateTo: "agent.example" }));
    const next = begin({ propagateTo: "agent.example" }, first, OTHER);
    expect(next.headers).toEqual({});
    expect(next.traceparent).toBeUndefined();
    expect(next.replaced.toSorted()).toEqual(["baggage", "traceparent"]);
  });

  it("must run in its context if it is recorded or restricted, and no header identifies it", () => {
    const restricted = withBaggage(() => begin(SPANLESS));
    expect(restricted.headers).toEqual({ baggage: "user=1" });
    expect(restricted.needsContext).toBe(false);
    restricted.registerForRedirects();
    expect(restricted.needsContext).toBe(true);
    const metered = begin({ ...SPANLESS, meterProvider: startMetrics(false).provider, propagator: writing("b3") });
    expect(metered.headers).toEqual({ b3: "1" });
    expect(metered.needsContext).toBe(true);
    const identified = begin();
    expect(identified.needsContext).toBe(false);
    const withheld = begin({ propagateTo: [] });
    expect(withheld.needsContext).toBe(true);
    for (const call of [restricted, metered, identified, withheld]) call.end();
    expect(activeCalls).toEqual([]);
  });

  it("without a traceparent keeps its span in its context", () => {
    const call = withBaggage(() => begin({ propagator: new W3CBaggagePropagator() }));
    call.end();
    expect(call.headers).toEqual({ baggage: "user=1" });
    expect(call.traceparent).toBeUndefined();
    expect(call.dependsOnOrigin).toBe(true);
    expect(trace.getSpanContext(call.context)).toEqual(telemetry.own()[0]?.spanContext());
  });

  it("that is only measured has its parent's span in its context, and the parent's context for the next attempt", () => {
    const call = begin({ ...SPANLESS, propagateTo: [], meterProvider: startMetrics(false).provider });
    expect(call.headers).toBeUndefined();
    expect(trace.getSpan(call.context)).toBe(trace.getSpan(call.parent));
    expect(call.parentOfNext).toBe(call.parent);
  });

  it("takes the place of an earlier one, and gives up its own", () => {
    const first = begin();
    const second = begin({}, first);
    const own = second.traceparent!;
    first.end();
    second.adoptTraceparent(first);
    expect(activeCalls).toEqual([second]);
    expect(findByTraceparent(own)).toBeUndefined();
    second.end();
    expect(activeCalls).toEqual([]);
  });

  it.each([0, 1, 2])("alone is closed of three when it ends: call %i", (at) => {
    const calls = [begin(), begin(), begin()];
    calls[at]!.end();
    expect(calls.map((call) => activeCalls.includes(call))).toEqual([0, 1, 2].map((other) => other !== at));
    expect(activeCalls).toHaveLength(2);
  });

  it("suppresses nothing once it has ended, nor do the attempts after it", () => {
    const first = begin();
    const second = begin({}, first);
    for (const call of [second, first]) {
      first.suppressing = true;
      call.end();
      expect(first.suppressing).toBe(false);
    }
  });
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

  it.each(STEPS)("tells its span of %s, once, and of nothing where nothing is recorded", async (_, step, expected) => {
    const metrics = startMetrics();
    const responseHook = vi.fn<(...args: unknown[]) => void>();
    const headersToSpanAttributes = { responseHeaders: ["x-a", "x-none"] };
    const { tracerProvider, told } = noting();
    const call = receive({ tracerProvider, headersToSpanAttributes })!;
    for (const [, another] of [["", step] as const, ...STEPS]) another(call);
    expect(told).toEqual([...expected, "end"]);
    expect((await metrics.counts(SERVER_DURATION)).map(([count]) => count)).toEqual([1]);
    const unrecorded = noting(false);
    const { tracerProvider: unrecording } = unrecorded;
    step(receive({ tracerProvider: unrecording, headersToSpanAttributes, requestHook: responseHook, responseHook })!);
    expect(unrecorded.told).toEqual(["end"]);
    expect(responseHook.mock.calls).toEqual([]);
    expect(failures()).toEqual([]);
  });

  it("is measured in seconds, from its start to its end, or to the time that is given", async () => {
    const metrics = startMetrics();
    const clock = vi.spyOn(performance, "now").mockReturnValue(1000);
    const [first, second] = [receive()!, receive()!];
    clock.mockReturnValue(1250);
    first.end({ status: 200 });
    second.end({ status: 404, time: 3500 });
    clock.mockRestore();
    expect(await measured(metrics, SERVER_DURATION)).toEqual([
      [1, 0.25],
      [1, 2.5],
    ]);
  });

  it("without an SDK for traces is measured as it is with one, and shown to no hook", async () => {
    await telemetry.stop();
    listen();
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
    expect(failures()).toEqual([]);
  });

  it("without metrics ends without a failure", () => {
    receive()!.end({ status: 200, response: "response" });
    expect(telemetry.own().length).toBe(1);
    expect(failures()).toEqual([]);
  });

  it("shows its span to the user's hooks, with what they are told of", () => {
    const [requestHook, responseHook] = [vi.fn<(...args: unknown[]) => void>(), vi.fn<(...args: unknown[]) => void>()];
    const call = receive({ requestHook, responseHook })!;
    const span = trace.getSpan(call.context);
    expect(requestHook.mock.calls).toEqual([[span, "request"]]);
    expect(responseHook.mock.calls).toEqual([]);
    call.end({ status: 200, response: "response" });
    expect(requestHook.mock.calls.length).toBe(1);
    expect(responseHook.mock.calls).toEqual([[span, { request: "request", response: "response" }]]);
  });

  it("has its response's headers read only where some are recorded", () => {
    const headers = vi.fn<() => unknown>(() => ({ "x-a": "1" }));
    receive()!.end({ status: 200, headers, response: "response" });
    expect(headers).not.toHaveBeenCalled();
    receive({ headersToSpanAttributes: { responseHeaders: ["x-a"] } })!.end({ status: 200, headers, response: "response" });
    expect(headers).toHaveBeenCalledTimes(1);
  });

  it("tells other instrumentation its span, and is named by the route that it is told there", () => {
    const call = receive()!;
    const metadata = getRPCMetadata(call.context) as RPCMetadata;
    expect(metadata.type).toEqual(RPCType.HTTP);
    expect(metadata.span).toEqual(trace.getSpan(call.context));
    metadata.route = "/:theirs";
    call.end({ status: 200 });
    expect(telemetry.own().map(({ name, attributes }) => [name, attributes["http.route"]])).toEqual([["GET /:theirs", "/:theirs"]]);
  });

  it("that a protocol has named keeps its name, and its route is recorded", () => {
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
  ])("is received or not, as ignoreRequestHook says: %s", (_, answer, isReceived) => {
    const ignoreRequestHook = vi.fn<(request: unknown) => boolean>(() => {
      if (answer instanceof Error) throw answer;
      return answer as boolean;
    });
    expect(receive({ ignoreRequestHook }) !== undefined).toEqual(isReceived);
    expect(ignoreRequestHook.mock.calls).toEqual([["request"]]);
  });

  it("of which nobody is told is handled in what its context is added to, if it is received within another", async () => {
    await telemetry.stop();
    expect(receive({}, received({}), within, within)).toBeUndefined();
    expect(receive({}, received({}), within, ROOT_CONTEXT)?.context.getValue(KEY)).toBeUndefined();
    expect(receive({}, received({}), within, ROOT_CONTEXT)?.endsSpan).toBe(true);
  });

  it.each<[string, string | undefined, string[]]>([
    ["parent", SPAN_ID, []],
    ["link", undefined, [SPAN_ID]],
    ["ignore", undefined, []],
  ])("has its caller's trace as a function says of the request: %s", (mode, parent, links) => {
    const incoming = vi.fn<(request: unknown) => never>(() => mode as never);
    receive({ incoming })!.end({ status: 200 });
    const [span] = telemetry.own();
    expect(incoming.mock.calls).toEqual([["request"]]);
    expect(span?.parentSpanContext?.spanId).toEqual(parent);
    expect(span?.links.map((link) => link.context.spanId)).toEqual(links);
  });

  it("is linked to nothing where its caller has no trace", () => {
    receive({ incoming: "link" }, received({}))?.end({ status: 200 });
    expect(telemetry.own().map(({ links }) => links)).toEqual([[]]);
  });

  describe("where a SERVER span is open already", () => {
    const open = (span: Span): Context => setRPCMetadata(trace.setSpan(ROOT_CONTEXT, span), { type: RPCType.HTTP, span });
    const start = (): Span =>
      trace.getTracer("theirs").startSpan("theirs", { kind: SpanKind.SERVER, attributes: { "network.peer.port": 1234 } });

    it.each<[string, () => Span, number | undefined]>([
      ["of the same peer", start, 1234],
      ["and the peer is not known", start, undefined],
      ["which does not show its attributes", () => noting().span, 1234],
    ])("%s, that one is enriched, and shown to the user's hook", (_, spanOf, peerPort) => {
      const span = spanOf();
      const requestHook = vi.fn<(...args: unknown[]) => void>();
      const call = receive({ requestHook }, received(CARRIED, { peerPort }), open(span));
      expect(call?.endsSpan).toBe(false);
      expect(requestHook.mock.calls).toEqual([[span, "request"]]);
    });

    it("is enriched, also where we have no SDK and nothing was carried", async () => {
      const { span, told } = noting();
      await telemetry.stop();
      const active = open(span);
      expect(receive({}, received({}), active, active)?.endsSpan).toBe(false);
      expect(told).toEqual([]);
    });

    it("of its own end nothing but the response's headers is told, once", () => {
      const { span, told } = noting();
      const call = receive({ headersToSpanAttributes: { responseHeaders: ["x-a", "x-none"] } }, received(), open(span))!;
      for (let i = 0; i < 2; i++) call.end({ status: 500, headers: () => ({ "x-a": "1" }), response: "response" });
      call.fail(new Error("late"), { status: 500 });
      expect(told).toEqual(["http.response.header.x-a"]);
    });

    it("and a protocol has named it, the route is recorded, and nobody names it by that", () => {
      const { span, told } = noting();
      sharedState.namedSpans.add(span);
      const active = open(span);
      receive({}, received(), active)!.setRoute("/:path");
      expect(told).toEqual(["http.route"]);
      expect(getRPCMetadata(active)?.route).toBeUndefined();
    });

    it("but that is known by its kind alone and has ended, the request is added to the server's own context", () => {
      const span = start();
      span.end();
      const call = receive({}, received(), trace.setSpan(ROOT_CONTEXT, span), within);
      expect(call?.endsSpan).toBe(true);
      expect(call?.context.getValue(KEY)).toBe("active");
    });
  });

  describe("goes on without somebody else's telemetry that throws", () => {
    const thrower = (): never => {
      throw new Error("broken");
    };

    it("a tracer", () => {
      const call = receive({ tracerProvider: { getTracer: () => ({ startSpan: thrower }) as never } })!;
      call.end({ status: 500, response: "response" });
      expect(trace.getSpanContext(call.context)).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID });
      expect(failures()).toEqual(["the tracer threw; the request goes on without it"]);
    });

    it("a span", () => {
      const { tracerProvider, span } = noting();
      Object.assign(span, { setAttribute: thrower, setStatus: thrower, updateName: thrower, end: thrower });
      const call = receive({ tracerProvider })!;
      call.setRoute("/:path");
      call.end({ status: 500 });
      const one = "a span threw; the request goes on without it";
      const end = "ending a span threw; the request goes on without it";
      // Of the error, its status, the response's status, the route and the name.
      expect(failures()).toEqual([one, one, one, one, one, end]);
    });
  });
});
