import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, createContextKey, propagation, trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { RPCType, setRPCMetadata } from "@opentelemetry/core";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerOptions } from "../../../src/core/telemetry/options.ts";
import type { ReceivedRequest } from "../../../src/core/http/server-attributes.ts";
import { startServerCall } from "../../../src/core/calls/start-server-call.ts";
import type { ServerCall } from "../../../src/core/calls/server-call.ts";
import { serverConfig } from "../../../src/core/calls/server-config.ts";
import { startMetrics } from "../../server/metrics.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../../support/diagnostics.ts";
import { shapeOf, startTelemetry } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID = "b7ad6b7169203331";
const CARRIED = { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, baggage: "user=1,tenant=2" };
const KEY = createContextKey("test");

let telemetry: TestTelemetry;
let diagnostics: DiagnosticsRecorder;
beforeEach(() => {
  telemetry = startTelemetry();
  diagnostics = recordDiagnostics();
});
afterEach(() => telemetry.stop());

const received = (more: Partial<ReceivedRequest> = {}, headers: Record<string, string> = CARRIED): ReceivedRequest => ({
  method: "GET",
  target: "/path?x=1&sig=2",
  scheme: "http",
  host: "agent.example:8080",
  headers,
  userAgent: "test",
  peerAddress: "10.0.0.1",
  peerPort: 1234,
  protocolVersion: "1.1",
  readHeaders: (names) => {
    const found = names.filter((name) => headers[name] !== undefined).map((name) => [name, headers[name] as string]);
    return found.length === 0 ? undefined : (Object.fromEntries(found) as Record<string, string>);
  },
  ...more,
});
function receive(
  options: ServerOptions = {},
  what = received(),
  active: Context = ROOT_CONTEXT,
  base: Context = ROOT_CONTEXT,
): ServerCall {
  const call = startServerCall(serverConfig("f", options), { received: what, request: "request", active, base });
  if (call === undefined) throw new Error("no call");
  return call;
}
const ATTRIBUTES = {
  "client.address": "10.0.0.1",
  "http.request.method": "GET",
  "network.peer.address": "10.0.0.1",
  "network.peer.port": 1234,
  "network.protocol.version": "1.1",
  "server.address": "agent.example",
  "server.port": 8080,
  "url.path": "/path",
  "url.query": "x=1&sig=REDACTED",
  "url.scheme": "http",
  "user_agent.original": "test",
};
const only = (): ReturnType<typeof shapeOf> => {
  const [span, ...more] = telemetry.own();
  expect(more).toEqual([]);
  return shapeOf(span!);
};

describe("a received request", () => {
  it("records a span below its caller's, once", () => {
    const call = receive();
    expect(call.endsSpan).toBe(true);
    expect(call.owns(call.context)).toBe(true);
    expect(call.owns(call.context.setValue(KEY, 1))).toBe(true);
    expect(call.owns(ROOT_CONTEXT)).toBe(false);
    call.setRoute("/:path");
    call.end({ status: 200, response: "response" });
    call.end({ status: 500, response: "response" });
    call.fail(new Error("late"), { status: 500 });
    expect(only()).toEqual({
      name: "GET /:path",
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: { ...ATTRIBUTES, "http.response.status_code": 200, "http.route": "/:path" },
      events: [],
    });
    expect(telemetry.own()[0]?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true });
  });

  it("omits unknown attributes", () => {
    const bare = { host: undefined, userAgent: undefined, peerAddress: undefined, peerPort: undefined, protocolVersion: undefined };
    receive({}, received({ ...bare, method: "PURGE", target: "*" })).end({ status: undefined });
    expect(only()).toMatchObject({ name: "HTTP", status: SpanStatusCode.UNSET });
    expect(only().attributes).toEqual({
      "http.request.method": "_OTHER",
      "http.request.method_original": "PURGE",
      "url.path": "*",
      "url.scheme": "http",
    });
  });

  it.each<[string, string, string | undefined]>([
    ["/", "/", undefined],
    ["", "/", undefined],
    ["?x=1", "/", "x=1"],
    ["//a/b?x?y", "//a/b", "x?y"],
    ["http://agent.example", "/", undefined],
    ["HTTP://agent.example/p?q", "/p", "q"],
    ["agent.example:443", "agent.example:443", undefined],
  ])("records for the target %j the path %s and the query %s", (target, path, query) => {
    receive({}, received({ target })).end({ status: 200 });
    expect(only().attributes["url.path"]).toEqual(path);
    expect(only().attributes["url.query"]).toEqual(query);
  });

  it.each<[string, string, string | undefined, number | undefined]>([
    ["https", "agent.example", "agent.example", 443],
    ["http", "agent.example", "agent.example", 80],
    ["http", "[::1]:81", "::1", 81],
    ["http", "not a host", undefined, undefined],
  ])("records for %s and the host %s the server %s and the port %s", (scheme, host, address, port) => {
    for (let i = 0; i < 2; i++) receive({}, received({ scheme, host })).end({ status: 200 });
    for (const { attributes } of telemetry.own()) {
      expect(attributes["server.address"]).toBe(address);
      expect(attributes["server.port"]).toBe(port);
    }
    expect(telemetry.own()).toHaveLength(2);
  });

  it("records the A2A method unless a2a is false", () => {
    const send = received({ method: "POST", target: "/message:send" });
    receive({}, send).end({ status: 200 });
    receive({ a2a: false }, send).end({ status: 200 });
    expect(telemetry.own().map(({ attributes }) => attributes["a2a.method.name"])).toEqual(["SendMessage", undefined]);
  });

  it.each<[number | undefined, string | undefined]>([
    [499, undefined],
    [500, "500"],
    [undefined, undefined],
  ])("records for the status %s the error %s", (status, type) => {
    receive().end({ status });
    expect(only().attributes["error.type"]).toEqual(type);
    expect(only().attributes["http.response.status_code"]).toEqual(status);
    expect(only().status).toEqual(type === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR);
  });

  it("records a failure with an exception event", () => {
    receive().fail(new TypeError("broken"), { status: 500 });
    expect(only()).toMatchObject({ status: SpanStatusCode.ERROR, events: ["exception"] });
    expect(only().attributes).toEqual({ ...ATTRIBUTES, "error.type": "TypeError", "http.response.status_code": 500 });
  });

  it("records only metrics if it is not sampled, also of a failure", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    const metrics = startMetrics();
    const requestHook = vi.fn<() => void>();
    const call = receive({ requestHook });
    call.setRoute("/:path");
    call.fail(new TypeError("broken"), { status: undefined });
    receive().end({ status: 200, response: "response" });
    const common = { "http.request.method": "GET", "network.protocol.version": "1.1", "url.scheme": "http" };
    expect(await metrics.counts("http.server.request.duration")).toEqual([
      [1, { ...common, "error.type": "TypeError", "http.route": "/:path" }],
      [1, { ...common, "http.response.status_code": 200 }],
    ]);
    expect(telemetry.own()).toEqual([]);
    expect(requestHook.mock.calls).toEqual([]);
  });

  it("is left alone without an SDK unless it carries a context", async () => {
    await telemetry.stop();
    const config = serverConfig("f", {});
    expect(
      startServerCall(config, { received: received({}, {}), request: undefined, active: ROOT_CONTEXT, base: ROOT_CONTEXT }),
    ).toBeUndefined();
    const carrying = startServerCall(config, {
      received: received(),
      request: undefined,
      active: ROOT_CONTEXT,
      base: ROOT_CONTEXT,
    });
    expect(trace.getSpanContext(carrying!.context)).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID });
    carrying?.end({ status: 200, response: "response" });
    telemetry = startTelemetry();
  });

  it("is left alone, with an error log, if its headers cannot be read", () => {
    const broken = received({
      readHeaders: () => {
        throw new Error("broken");
      },
    });
    expect(
      startServerCall(serverConfig("f", {}), { received: broken, request: undefined, active: ROOT_CONTEXT, base: ROOT_CONTEXT }),
    ).toBeUndefined();
    expect(diagnostics.messages("error")).toEqual(["receiving a request threw; the request goes on without it"]);
  });
});

describe("the caller's context", () => {
  const own = trace.setSpan(
    ROOT_CONTEXT,
    trace.wrapSpanContext({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 }),
  );
  const parents = (base: Context, options: ServerOptions): unknown => {
    receive(options, received(), ROOT_CONTEXT, base).end({ status: 200 });
    const [span] = telemetry.own();
    return [span?.parentSpanContext?.spanId, span?.links.map(({ context: { spanId } }) => spanId)];
  };

  it.each<[string, ServerOptions["incoming"], unknown, unknown]>([
    ["is the parent", undefined, [SPAN_ID, []], [SPAN_ID, []]],
    ["is linked", "link", [undefined, [SPAN_ID]], ["2".repeat(16), [SPAN_ID]]],
    ["is ignored", "ignore", [undefined, []], ["2".repeat(16), []]],
    ["is ignored if the function says so", () => "ignore", [undefined, []], ["2".repeat(16), []]],
    ["is ignored if the function returns another value", () => "x" as never, [undefined, []], ["2".repeat(16), []]],
  ])("%s, also within a span of the server itself", (_, incoming, alone, below) => {
    const options = incoming === undefined ? {} : { incoming };
    expect(parents(ROOT_CONTEXT, options)).toEqual(alone);
    telemetry.reset();
    expect(parents(own, options)).toEqual(below);
  });

  it("is linked only if there is one", () => {
    receive({ incoming: "link" }, received({}, {}), ROOT_CONTEXT, own).end({ status: 200 });
    expect(telemetry.own()[0]?.links).toEqual([]);
  });

  it.each<[string, ServerOptions["acceptBaggage"], string[]]>([
    ["all", undefined, ["user=1", "tenant=2"]],
    ["all", true, ["user=1", "tenant=2"]],
    ["none", false, []],
    ["one", ["user"], ["user=1"]],
    ["none of these", ["other"], []],
  ])("provides %s of its baggage for acceptBaggage: %j", (_, acceptBaggage, members) => {
    const { context: within } = receive(acceptBaggage === undefined ? {} : { acceptBaggage });
    const entries = propagation.getBaggage(within)?.getAllEntries() ?? [];
    expect(entries.map(([key, { value }]) => `${key}=${value}`)).toEqual(members);
  });

  it("has no baggage if the caller sends none", () => {
    const { context: within } = receive({ acceptBaggage: false }, received({}, { traceparent: CARRIED.traceparent }));
    expect(propagation.getBaggage(within)).toBeUndefined();
    expect(trace.getSpanContext(within)?.traceId).toEqual(TRACE_ID);
  });
});

describe("within an open SERVER span", () => {
  function open(): { active: Context; end: () => ReturnType<typeof shapeOf>; metadata: { route?: string } } {
    const span = trace
      .getTracer("theirs")
      .startSpan("theirs", { kind: SpanKind.SERVER, attributes: { "network.peer.port": 1234 } });
    const metadata: { type: RPCType.HTTP; span: Span; route?: string } = { type: RPCType.HTTP, span };
    const active = propagation.setBaggage(setRPCMetadata(trace.setSpan(ROOT_CONTEXT, span), metadata), propagation.createBaggage());
    return {
      active,
      metadata,
      end: () => {
        span.end();
        return shapeOf(telemetry.spans()[0]!);
      },
    };
  }

  it("does not write to that span once it has ended", () => {
    const { active, metadata, end } = open();
    const responseHook = vi.fn();
    const call = receive({ responseHook }, received(), active);
    const ended = end();
    call.setRoute("/:path");
    call.end({ status: 200, response: "response" });
    expect(metadata.route).toBeUndefined();
    expect(responseHook).not.toHaveBeenCalled();
    expect(shapeOf(telemetry.spans()[0]!)).toEqual(ended);
    expect(diagnostics.messages("warn")).toEqual([]);
  });

  it("enriches that span and records no other", () => {
    const { active, metadata, end } = open();
    const responseHook = vi.fn();
    const call = receive(
      { headersToSpanAttributes: { requestHeaders: ["x-a"], responseHeaders: ["x-b"] }, responseHook },
      received({}, { "x-a": "1" }),
      active,
    );
    expect(call.endsSpan).toBe(false);
    expect(call.context === active).toBe(true);
    expect(call.owns(ROOT_CONTEXT)).toBe(true);
    call.setRoute("/:path");
    call.end({ status: 200, headers: () => ({ "x-b": "2" }), response: "response" });
    call.end({ status: 200, headers: () => ({ "x-b": "3" }), response: "response" });
    expect(metadata.route).toBe("/:path");
    expect(responseHook).toHaveBeenCalledTimes(1);
    expect(end()).toEqual({
      name: "GET /:path",
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: {
        "http.route": "/:path",
        "http.request.header.x-a": ["1"],
        "http.response.header.x-b": ["2"],
        "network.peer.port": 1234,
      },
      events: [],
    });
  });

  it("leaves failures to the instrumentation that opened it", () => {
    const { active, end } = open();
    const responseHook = vi.fn();
    const call = receive({ responseHook }, received(), active);
    call.fail(new Error("broken"), { status: undefined });
    call.end({ status: 500, response: "response" });
    expect(responseHook).not.toHaveBeenCalled();
    expect(end()).toMatchObject({ status: SpanStatusCode.UNSET, attributes: { "network.peer.port": 1234 }, events: [] });
  });

  it("removes baggage that is not accepted in a derived context", () => {
    const { active, end } = open();
    const baggage = propagation.createBaggage({ user: { value: "1" } });
    const call = receive({ acceptBaggage: [] }, received(), propagation.setBaggage(active, baggage));
    expect(propagation.getBaggage(call.context)).toBeUndefined();
    expect(call.owns(call.context)).toBe(true);
    expect(call.owns(active)).toBe(false);
    end();
  });

  it("finds that span by its kind without RPC metadata", () => {
    const span = trace.getTracer("theirs").startSpan("theirs", { kind: SpanKind.SERVER });
    const call = receive({}, received(), trace.setSpan(ROOT_CONTEXT, span));
    call.setRoute("/:path");
    expect(call.endsSpan).toBe(false);
    span.end();
    expect(telemetry.spans().map(({ name }) => name)).toEqual(["GET /:path"]);
  });

  it.each<[string, (active: Context) => Context, Partial<ReceivedRequest>]>([
    ["has ended", (active) => active, {}],
    ["has another peer", (active) => active, { peerPort: 99 }],
  ])("records a span of its own if the other one %s", (what, contextOf, more) => {
    const { active, end } = open();
    if (what === "has ended") end();
    const call = receive({}, received(more), contextOf(active));
    expect(call.endsSpan).toBe(true);
    expect(trace.getSpanContext(call.context)?.traceId).toEqual(TRACE_ID);
    call.end({ status: 200 });
  });

  it("ignores spans of other kinds", () => {
    const span = trace.getTracer("theirs").startSpan("theirs", { kind: SpanKind.CLIENT });
    expect(receive({}, received(), trace.setSpan(ROOT_CONTEXT, span)).endsSpan).toBe(true);
    const rpc = setRPCMetadata(ROOT_CONTEXT, { type: "grpc", span } as never);
    expect(receive({}, received(), rpc).endsSpan).toBe(true);
  });
});

it("keeps span and metadata in contexts derived from that of a request", () => {
  const call = receive();
  const derived = call.context.setValue(KEY, 1);
  expect(derived.getValue(KEY)).toBe(1);
  expect(trace.getSpan(derived) === trace.getSpan(call.context)).toBe(true);
  expect(call.owns(derived)).toBe(true);
  expect(derived.deleteValue(KEY).getValue(KEY)).toBeUndefined();
  expect(call.owns(call.context.deleteValue(KEY))).toBe(true);
  expect(trace.getSpan(trace.deleteSpan(call.context))).toBeUndefined();
  expect(context.active()).toBe(ROOT_CONTEXT);
});
