import { SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClientCall } from "../../../src/core/calls/client-call.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import { findByTraceparent, activeCalls } from "../../../src/core/calls/active-calls.ts";
import type { ClientOptions } from "../../../src/core/telemetry/options.ts";
import { startCall } from "../../../src/core/calls/start-call.ts";
import { startMetrics } from "../../server/metrics.ts";
import { recordingTracer } from "./recording-tracer.ts";
import { remainingCalls } from "../../support/active-calls.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../../support/diagnostics.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";

const URL_ = "http://agent.example/rpc";
const OTHER = "https://other.example:8443/rpc";

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
/** The calls that a test has started. They are ended after it. */
let started: ClientCall[] = [];
afterEach(async () => {
  for (const call of started) call.end();
  started = [];
  await telemetry.stop();
  vi.unstubAllEnvs();
  expect(remainingCalls()).toEqual([]);
});

const begin = (options: ClientOptions = {}, url = URL_, headers?: unknown, previous?: ClientCall): ClientCall => {
  const call = startCall(clientConfig("f", options), { method: "GET", url, headers, request: undefined, previous });
  if (call === undefined) throw new Error("no call");
  started.push(call);
  return call;
};
const only = (): ReturnType<typeof shapeOf> => {
  const [span, ...more] = telemetry.own();
  expect(more).toEqual([]);
  return shapeOf(span!);
};
const BAGGAGE = propagation.createBaggage({ user: { value: "1" } });
const withBaggage = <Result>(fn: () => Result): Result => context.with(propagation.setBaggage(context.active(), BAGGAGE), fn);
const START = { "http.request.method": "GET", "server.address": "agent.example", "server.port": 80, "url.full": URL_ };

describe("ClientCall", () => {
  it("releases the request when it ends, since an idle connection keeps its last call", () => {
    const request = { body: "large" };
    const call = startCall(clientConfig("f"), { method: "GET", url: URL_, headers: undefined, request });
    expect(call?.request).toBe(request);
    call?.end();
    expect(call?.request).toBeUndefined();
  });

  it("records a span from its start to its end, once", () => {
    const call = begin();
    call.connected("127.0.0.1", 80, "1.1");
    call.response(200, undefined);
    call.end();
    call.end();
    call.fail(new Error("late"));
    call.response(500, undefined);
    call.connected("::1", 81, "2");
    call.setUrl(OTHER);
    call.delivered(undefined);
    expect(only()).toEqual({
      name: "GET",
      kind: SpanKind.CLIENT,
      status: SpanStatusCode.UNSET,
      attributes: {
        ...START,
        "http.response.status_code": 200,
        "network.peer.address": "127.0.0.1",
        "network.peer.port": 80,
        "network.protocol.version": "1.1",
      },
      events: [],
    });
  });

  it("omits unknown attributes of the connection", () => {
    const call = begin();
    call.connected(undefined, undefined, undefined);
    call.end();
    expect(only().attributes).toEqual(START);
  });

  it("records the last status", () => {
    const call = begin();
    call.response(503, undefined);
    call.response(503, undefined);
    call.response(200, undefined);
    call.end();
    expect(only().attributes["http.response.status_code"]).toBe(200);
    expect(call.status).toBe(200);
  });

  it.each([
    ["400", 400],
    ["503", 503],
  ])("records status %s as its error, even if the body fails afterwards", (type, status) => {
    const call = begin();
    call.response(status, undefined);
    call.fail(new TypeError("broken off"));
    expect(only()).toMatchObject({ status: SpanStatusCode.ERROR, attributes: { "error.type": type }, events: [] });
  });

  it("records a failure with an exception event, and a cancellation without an error", () => {
    begin().fail(new TypeError("refused"));
    expect(only()).toMatchObject({
      status: SpanStatusCode.ERROR,
      attributes: { "error.type": "TypeError" },
      events: ["exception"],
    });
    telemetry.reset();
    begin().fail(new DOMException("enough", "AbortError"));
    expect(only()).toEqual({
      name: "GET",
      kind: SpanKind.CLIENT,
      status: SpanStatusCode.UNSET,
      attributes: START,
      events: [],
    });
  });

  it("can end at a time in the past", () => {
    const call = begin();
    call.end(performance.now() - 1000);
    expect(telemetry.own()[0]?.duration[0]).toBe(0);
  });

  it("records URL, host and port when the URL becomes known", () => {
    const call = begin({}, "/rpc");
    call.setUrl(OTHER);
    call.end();
    expect(only().attributes).toEqual({
      "http.request.method": "GET",
      "server.address": "other.example",
      "server.port": 8443,
      "url.full": OTHER,
    });
    telemetry.reset();
    const again = begin({}, "/rpc");
    again.setUrl("agent:/rpc");
    again.end();
    expect(only().attributes).toEqual({ "http.request.method": "GET", "url.full": "agent:/rpc" });
  });

  it("records only metrics if it is not sampled", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    const metrics = startMetrics();
    const call = begin({ headersToSpanAttributes: { responseHeaders: ["x-a"] } }, "/rpc");
    call.setUrl(OTHER);
    call.connected("127.0.0.1", 8443, "2");
    call.response(404, { "x-a": "1" });
    call.fail(new Error("x"));
    expect(telemetry.own()).toEqual([]);
    expect(await metrics.counts("http.client.request.duration")).toEqual([
      [
        1,
        {
          "error.type": "404",
          "http.request.method": "GET",
          "http.response.status_code": 404,
          "network.protocol.version": "2",
          "server.address": "other.example",
          "server.port": 8443,
        },
      ],
    ]);
  });

  it("measures a URL without host and port", async () => {
    const metrics = startMetrics();
    begin({}, "agent:/rpc").end();
    begin({}, "nowhere").end();
    expect(await metrics.counts("http.client.request.duration")).toEqual([[2, { "http.request.method": "GET" }]]);
  });
});

describe("the headers of a call", () => {
  it("register it by its traceparent until it ends", () => {
    const call = begin();
    const { traceparent } = call.headers ?? {};
    expect(call.traceparent).toEqual(traceparent);
    expect(findByTraceparent(traceparent!)).toEqual(call);
    call.end();
    expect(findByTraceparent(traceparent!)).toBeUndefined();
    expect(traceparent).toEqual(traceparentOf(telemetry.own()[0]!));
  });

  it("are missing with OTEL_PROPAGATORS=none", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ propagator: null });
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    const call = begin();
    expect(call.headers).toBeUndefined();
    expect(call.traceparent).toBeUndefined();
    expect(call.replaced).toEqual([]);
    const next = begin({}, URL_, undefined, call);
    next.adoptTraceparent(call);
    expect(next.headers).toBeUndefined();
    expect(next.traceparent).toBeUndefined();
    expect(next.resendCount).toBe(1);
  });

  it("are missing if no host may receive any, so that the next attempt replaces nothing", () => {
    const options = { propagateTo: [] };
    const call = begin(options);
    expect(call.headers).toBeUndefined();
    expect(call.issuedNames).toEqual([]);
    expect(call.dependsOnOrigin).toBe(true);
    const next = begin(options, URL_, undefined, call);
    expect(next.headers).toBeUndefined();
    expect(next.replaced).toEqual([]);
  });

  it("replace all headers of the previous attempts", () => {
    const first = withBaggage(() => begin());
    const second = begin({}, URL_, undefined, first);
    expect(second.replaced.toSorted()).toEqual(["baggage", "traceparent"]);
    expect(second.issuedNames.toSorted()).toEqual(["baggage", "traceparent"]);
  });

  it("stay those of the first attempt if the transport re-sends its traceparent", () => {
    const first = begin();
    const second = begin({}, URL_, undefined, first);
    first.end();
    second.adoptTraceparent(first);
    expect(second.traceparent).toEqual(first.traceparent);
    expect(findByTraceparent(first.traceparent!)).toEqual(second);
  });

  it.each([true, false])("are those of the parent without a span and do not identify the call (measured: %s)", async (measured) => {
    await inSpan("agent", () => {
      const meterProvider = measured ? startMetrics(false).provider : undefined;
      const options = { tracerProvider: { getTracer: () => ({}) as never }, ...(meterProvider && { meterProvider }) };
      const call = begin(options);
      expect(call.headers?.["traceparent"]).toContain(trace.getActiveSpan()?.spanContext().spanId);
      expect(call.traceparent).toBeUndefined();
      expect(call.observed).toBe(measured);
      expect(activeCalls.includes(call)).toBe(measured);
      call.end();
    });
  });
});

describe("reinjectForRedirect()", () => {
  const moved = (call: ClientCall, headers: unknown, url = OTHER): unknown => {
    call.reinjectForRedirect(url, headers);
    return headers;
  };

  it("sends what the policy allows for the new origin", () => {
    const call = withBaggage(() => begin({ propagateTo: "agent.example" }));
    expect(call.dependsOnOrigin).toBe(true);
    expect(call.needsContext).toBe(false);
    const headers = { "x-a": "1", ...call.headers };
    expect(moved(call, { ...headers }, URL_)).toEqual(headers);
    expect(moved(call, { ...headers })).toEqual({ "x-a": "1" });
    expect(moved(call, Object.entries(headers).flat())).toEqual(["x-a", "1"]);
    expect(moved(call, undefined)).toBeUndefined();
    expect(moved(call, null)).toBeNull();
    expect(moved(call, "text")).toBe("text");
  });

  it("leaves the headers unchanged if nothing is propagated any more", async () => {
    await telemetry.stop();
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    telemetry = startTelemetry();
    const call = begin();
    propagation.disable();
    expect(moved(call, { ...call.headers })).toEqual(call.headers);
  });

  it("compares the origin of the URL with the call's", () => {
    const call = begin();
    const isElsewhere = (url: string): boolean => !call.isAtOrigin(url);
    expect(["http://agent.example/x", "http://agent.example:80/x"].filter(isElsewhere)).toEqual([]);
    const others = ["https://agent.example/", "http://other.example/", "http://agent.example.org/", "undefined/rpc"];
    expect(others.filter(isElsewhere)).toEqual(others);
    call.end();
  });

  it("registers an unsampled call only if the policy depends on the origin", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    const calls = [begin(), begin({ propagateTo: "agent.example" }), withBaggage(() => begin())];
    for (const call of calls) call.registerForRedirects();
    expect(calls.map((call) => call.mustEnd)).toEqual([false, true, true]);
    expect(calls.map((call) => activeCalls.includes(call))).toEqual([false, true, true]);
    for (const call of calls) call.end();
    expect(activeCalls).toEqual([]);
  });
});

describe("the next attempt", () => {
  it("has the call's parent or, without one, the first attempt as its parent", async () => {
    const call = begin();
    expect(trace.getSpanContext(call.parentOfNext)).toEqual(trace.getSpanContext(call.context));
    await inSpan("agent", () => {
      const within = begin();
      expect(within.parentOfNext).toBe(context.active());
    });
  });
});

describe("misbehaving telemetry", () => {
  let diagnostics: DiagnosticsRecorder;
  beforeEach(() => void (diagnostics = recordDiagnostics()));

  it("truncates a header that is too long to whole members and warns once", () => {
    let header = "";
    const propagator: TextMapPropagator = {
      inject: (_context, carrier, setter) => setter.set(carrier, "baggage", header),
      extract: (given) => given,
      fields: () => ["baggage"],
    };
    const sent = (text: string): unknown => {
      header = text;
      return withBaggage(() => begin({ propagator }).headers);
    };
    const member = (size: number): string => `m=${"v".repeat(size - 2)}`;
    expect(sent("m=1")).toEqual({ baggage: "m=1" });
    expect(sent(member(8192))).toEqual({ baggage: member(8192) });
    expect(sent(member(8193))).toBeUndefined();
    expect(sent(`${member(4096)},${member(4095)}`)).toEqual({ baggage: `${member(4096)},${member(4095)}` });
    expect(sent(`${member(4096)},${member(4096)}`)).toEqual({ baggage: member(4096) });
    header = member(9000);
    expect(begin({ propagator }).headers).toBeUndefined();
    const dropped = diagnostics.messages("warn").filter((text) => String(text).startsWith("Baggage of more than"));
    expect(dropped).toHaveLength(1);
  });

  it("logs each error of a span that throws and goes on", () => {
    const thrower = (): never => {
      throw new Error("broken");
    };
    const span = trace.getTracer("test").startSpan("call");
    const broken = Object.assign(Object.create(span) as typeof span, {
      setAttribute: thrower,
      setStatus: thrower,
      end: thrower,
      recordException: thrower,
    });
    const tracerProvider = { getTracer: () => ({ startSpan: () => broken }) as never };
    const call = begin({ tracerProvider });
    call.response(404, undefined);
    call.end();
    const failed = begin({ tracerProvider });
    failed.fail(new Error("x"));
    const one = "a span threw; the request goes on without it";
    const end = "ending a span threw; the request goes on without it";
    const exception = "recording an exception threw; the request goes on without it";
    expect(diagnostics.messages("error")).toEqual([one, one, one, end, one, one, exception, end]);
    expect(activeCalls).toEqual([]);
  });

  it("applies the policy to a call whose span has no readable context", () => {
    const spanContext = (): never => {
      throw new Error("broken");
    };
    const span = { ...recordingTracer(false).span, spanContext };
    const tracerProvider = { getTracer: () => ({ startSpan: () => span }) as never };
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const call = begin({ tracerProvider, propagateTo: "agent.example" }, URL_, { traceparent, baggage: "user=1" });
    call.registerForRedirects();
    expect(activeCalls).toEqual([call]);
    expect(call.reinject(OTHER)?.values).toEqual({});
    expect(begin({ tracerProvider }).headers).toBeUndefined();
    expect(diagnostics.messages("error")).toContain("injecting a context threw; the request goes on without it");
  });

  it("lists the readable headers for a propagator", () => {
    const keys = vi.fn<(names: string[]) => void>();
    const propagator: TextMapPropagator = {
      inject: () => {},
      extract: (given, carrier, getter) => {
        keys(getter.keys(carrier));
        return given;
      },
      fields: () => ["X-Trace"],
    };
    begin({ propagator }, URL_, { "x-trace": "1", "x-other": "2" });
    expect(keys.mock.calls).toEqual([[["x-trace"]]]);
  });
});

describe("a call whose propagation headers do not identify it", () => {
  const constant: TextMapPropagator = {
    inject: (_context, carrier, setter) =>
      setter.set(carrier, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    extract: (given) => given,
    fields: () => ["traceparent"],
  };

  it("has no traceparent if the propagator writes that of another span", () => {
    const call = begin({ propagator: constant });
    expect(call.traceparent).toBeUndefined();
    expect(activeCalls).toEqual([call]);
  });

  it("awaits the URLs that its client is expected to request next, until it ends", () => {
    const call = begin({ propagator: constant });
    call.awaitedUrls = [OTHER];
    expect(call.awaits(`${OTHER}#fragment`)).toBe(true);
    expect(call.awaits(URL_)).toBe(false);
    call.end();
    expect(call.awaits(OTHER)).toBe(false);
  });
});

describe("a call that records nothing", () => {
  const unrecorded = { tracerProvider: recordingTracer(false).tracerProvider, propagateTo: "agent.example" };

  it("is not registered for redirects once there is no propagator", () => {
    const call = begin(unrecorded);
    propagation.disable();
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    call.registerForRedirects();
    expect(activeCalls).toEqual([]);
  });

  it("adopts the traceparent of an earlier attempt without being registered", () => {
    const first = begin(unrecorded);
    first.registerForRedirects();
    const next = begin(unrecorded, URL_, undefined, first);
    next.adoptTraceparent(first);
    expect(next.traceparent).toBe(first.traceparent);
    expect(activeCalls).toEqual([first]);
  });
});
