import { context, propagation, trace } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { W3CBaggagePropagator } from "@opentelemetry/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { activeCalls, findByTraceparent } from "../../../src/core/calls/active-calls.ts";
import type { ClientCall } from "../../../src/core/calls/client-call.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import { startCall } from "../../../src/core/calls/start-call.ts";
import type { ClientOptions } from "../../../src/core/telemetry/options.ts";
import { startMetrics } from "../../server/metrics.ts";
import { remainingCalls } from "../../support/active-calls.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../../support/diagnostics.ts";
import { startTelemetry } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";
import { measuredDurations, recordingTracer } from "./recording-tracer.ts";

const CLIENT_DURATION = "http.client.request.duration";

let telemetry: TestTelemetry;
let diagnostics: DiagnosticsRecorder;
const errors = (): unknown[] => diagnostics.messages("error");
/** The calls that a test has started. They are ended after it. */
let started: ClientCall[] = [];
beforeEach(() => {
  telemetry = startTelemetry();
  diagnostics = recordDiagnostics();
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  for (const call of started) call.end();
  started = [];
  await telemetry.stop();
  expect(remainingCalls()).toEqual([]);
});

describe("an outbound call", () => {
  const URL_ = "http://agent.example/rpc";
  const OTHER = "https://other.example:8443/rpc";
  const BAGGAGE = propagation.createBaggage({ user: { value: "1" } });
  /** Records no span for a call without a parent. */
  const SPANLESS: ClientOptions = { requireParentforSpans: true };

  const withBaggage = <Result>(fn: () => Result): Result => context.with(propagation.setBaggage(context.active(), BAGGAGE), fn);
  const begin = (options: ClientOptions = {}, previous?: ClientCall, url = URL_): ClientCall => {
    const call = startCall(clientConfig("f", options), { method: "GET", url, headers: undefined, request: "request", previous });
    if (call === undefined) throw new Error("no call");
    started.push(call);
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
    ["an unknown connection", (call) => call.connected(undefined, undefined, undefined), []],
    ["a response", (call) => call.response(200, { "X-A": "1" }), ["http.response.status_code", "http.response.header.x-a"]],
    ["a response with an error", (call) => call.response(500, {}), ["http.response.status_code", "error.type", "setStatus"]],
    ["the same status again", (call) => void [call.response(204, {}), call.response(204, {})], ["http.response.status_code"]],
    ["a failure", (call) => call.fail(new Error("broken")), ["error.type", "setStatus", "recordException", "end"]],
    ["a cancellation", (call) => call.fail(new DOMException("enough", "AbortError")), ["end"]],
    ["its end", (call) => call.end(), ["end"]],
  ];

  it.each(STEPS)("records %s on its span, but not after its end and not on a non-recording span", (_, step, expected) => {
    const headersToSpanAttributes = { responseHeaders: ["x-a", "x-none"] };
    const { tracerProvider, recorded } = recordingTracer();
    const call = begin({ tracerProvider, headersToSpanAttributes });
    step(call);
    expect(recorded).toEqual(expected);
    call.end();
    recorded.length = 0;
    step(call);
    expect(recorded).toEqual([]);
    expect(call.ended).toBe(true);
    const unrecorded = recordingTracer(false);
    step(begin({ tracerProvider: unrecorded.tracerProvider, headersToSpanAttributes }));
    expect(unrecorded.recorded).toEqual([]);
    expect(errors()).toEqual([]);
  });

  it("records the selected response headers without credentials and keeps the original method", () => {
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

  it("keeps its status after its end", () => {
    const call = begin();
    call.response(200, undefined);
    call.end();
    call.response(500, undefined);
    expect(call.status).toBe(200);
  });

  it("measures its duration once, to its end or to the given time", async () => {
    const metrics = startMetrics();
    const clock = vi.spyOn(performance, "now").mockReturnValue(1000);
    const [first, second] = [begin({}), begin({}, undefined, OTHER)];
    clock.mockReturnValue(1250);
    for (let i = 0; i < 2; i++) first.end();
    clock.mockReturnValue(4000);
    second.end(3500);
    second.fail(new Error("late"));
    clock.mockRestore();
    expect(await measuredDurations(metrics, CLIENT_DURATION)).toEqual([
      [1, 0.25],
      [1, 2.5],
    ]);
  });

  it("ends without an error if there are no metrics", () => {
    begin().end();
    expect(telemetry.own().length).toBe(1);
    expect(errors()).toEqual([]);
  });

  it("calls responseHook until its span has ended", () => {
    const responseHook = vi.fn<(...args: unknown[]) => void>();
    const call = begin({ responseHook });
    call.delivered("response");
    call.end();
    call.delivered("late");
    const exchange = { request: "request", response: "response" };
    expect(responseHook.mock.calls).toEqual([[trace.getSpan(call.context), exchange]]);
  });

  it("calls no responseHook without a span", () => {
    const responseHook = vi.fn<(...args: unknown[]) => void>();
    withBaggage(() => begin({ ...SPANLESS, responseHook })).delivered("response");
    begin().delivered("response");
    expect(responseHook.mock.calls).toEqual([]);
    expect(errors()).toEqual([]);
  });

  it("recognises the headers that it issued, in any letter case, and no others", () => {
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

  it("reports whether a redirect changed the headers, also back to the first origin", () => {
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

  it("leaves the headers of a redirect unchanged without a propagator", () => {
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    const call = begin();
    propagation.disable();
    for (const isElsewhere of [false, true]) expect(call.reinjectForRedirect(OTHER, {}, isElsewhere)).toBe(isElsewhere);
  });

  it("replaces the headers of the previous attempt if the next may carry nothing", () => {
    const first = withBaggage(() => begin({ propagateTo: "agent.example" }));
    const next = begin({ propagateTo: "agent.example" }, first, OTHER);
    expect(next.headers).toEqual({});
    expect(next.traceparent).toBeUndefined();
    expect(next.replaced.toSorted()).toEqual(["baggage", "traceparent"]);
  });

  it("needs its context if it is recorded or restricted and no header identifies it", () => {
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

  it("has its span in its context if it has no traceparent", () => {
    const call = withBaggage(() => begin({ propagator: new W3CBaggagePropagator() }));
    call.end();
    expect(call.headers).toEqual({ baggage: "user=1" });
    expect(call.traceparent).toBeUndefined();
    expect(call.dependsOnOrigin).toBe(true);
    expect(trace.getSpanContext(call.context)).toEqual(telemetry.own()[0]?.spanContext());
  });

  it("uses its parent's span and context if it is only measured", () => {
    const call = begin({ ...SPANLESS, propagateTo: [], meterProvider: startMetrics(false).provider });
    expect(call.headers).toBeUndefined();
    expect(trace.getSpan(call.context)).toBe(trace.getSpan(call.parent));
    expect(call.parentOfNext).toBe(call.parent);
  });

  it("adopts the traceparent of an earlier attempt and gives up its own", () => {
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

  it.each([0, 1, 2])("removes only itself from the registry when it ends: call %i of three", (at) => {
    const calls = [begin(), begin(), begin()];
    calls[at]!.end();
    expect(calls.map((call) => activeCalls.includes(call))).toEqual([0, 1, 2].map((other) => other !== at));
    expect(activeCalls).toHaveLength(2);
  });

  it("ends its suppression and that of later attempts when it ends", () => {
    const first = begin();
    const second = begin({}, first);
    for (const call of [second, first]) {
      first.suppressing = true;
      call.end();
      expect(first.suppressing).toBe(false);
    }
  });
});
