import { ROOT_CONTEXT, TraceFlags, context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { suppressTracing } from "@opentelemetry/core";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import type { FetchOptions } from "../../src/fetch.ts";
import { injectTraceContext } from "../../src/index.ts";
import { setupPropagation } from "../../src/setup.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { clearGlobals, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry, TestTelemetryOptions } from "../support/telemetry.ts";

let telemetry: TestTelemetry | undefined;
let server: TestServer;
let undo: () => void = () => {};
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => void (server.requests.length = 0));
afterEach(async () => {
  undo();
  await telemetry?.stop();
  telemetry = undefined;
  vi.unstubAllEnvs();
  clearGlobals();
});

function start(options: FetchOptions = {}, telemetryOptions: TestTelemetryOptions = {}): TestTelemetry {
  undo = instrumentFetch(options);
  return (telemetry = startTelemetry(telemetryOptions));
}

const STORED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const get = async (headers?: HeadersInit | Record<string, string>): Promise<void> =>
  void (await (await fetch(`${server.url}/ok`, headers && { headers })).text());
const sent = (): Record<string, string[]> =>
  Object.fromEntries(["traceparent", "tracestate", "baggage"].map((name) => [name, server.values(name)]));
const withBaggage = (members: Record<string, string>, base = context.active()): ReturnType<typeof propagation.setBaggage> =>
  propagation.setBaggage(
    base,
    propagation.createBaggage(Object.fromEntries(Object.entries(members).map(([key, value]) => [key, { value }]))),
  );

describe("propagation headers set by the caller", () => {
  const shapes: [string, (name: string, value: string) => HeadersInit][] = [
    ["a record", (name, value) => ({ [name]: value })],
    ["pairs", (name, value) => [[name, value]]],
    ["Headers", (name, value) => new Headers({ [name]: value })],
    ["a Map", (name, value) => new Map([[name, value]]) as unknown as HeadersInit],
  ];
  for (const [shape, make] of shapes) {
    it.each(["traceparent", "Traceparent", "TRACEPARENT", "traceParent"])(
      `in ${shape}: %s is replaced by the span's traceparent`,
      async (name) => {
        const { ended } = start();
        await inSpan("work", () => get(make(name, STORED)));
        const [span] = await ended(1);
        expect(server.values("traceparent")).toEqual([traceparentOf(span as never)]);
        expect(span?.spanContext().traceId).not.toBe(STORED.slice(3, 35));
      },
    );
  }

  it("in two letter cases are replaced by one value", async () => {
    const { ended } = start();
    await get({ traceparent: STORED, TraceParent: STORED.replace("b7", "c7") });
    const [span] = await ended(1);
    expect(server.values("traceparent")).toEqual([traceparentOf(span as never)]);
  });

  it("lose the tracestate together with the traceparent", async () => {
    const { ended } = start();
    await inSpan("work", () => get({ traceparent: STORED, TraceState: "vendor=1" }));
    await ended(1);
    expect(sent()["tracestate"]).toEqual([]);
  });

  it("become the span's parent when no span is active", async () => {
    const { ended } = start();
    await get(JSON.parse(JSON.stringify({ traceparent: STORED, tracestate: "vendor=1", baggage: "user=ana" })));
    const [span] = await ended(1);
    expect(span?.parentSpanContext?.spanId).toBe("b7ad6b7169203331");
    expect(sent()).toEqual({ traceparent: [traceparentOf(span as never)], tracestate: ["vendor=1"], baggage: ["user=ana"] });
    expect(traceparentOf(span as never).slice(0, 36)).toBe(STORED.slice(0, 36));
  });

  it("written by injectTraceContext() are continued", async () => {
    const { ended, spans } = start();
    const stored = await inSpan("request", () => JSON.stringify(injectTraceContext()));
    await get(JSON.parse(stored) as Record<string, string>);
    const [span] = await ended(1);
    expect(span?.parentSpanContext?.spanId).toBe(spans()[0]?.spanContext().spanId);
  });

  it("that are invalid are replaced by those of a new trace", async () => {
    const { ended } = start();
    await get({ traceparent: "00-garbage", tracestate: "vendor=1" });
    const [span] = await ended(1);
    expect(span?.parentSpanContext).toBeUndefined();
    expect(sent()).toEqual({ traceparent: [traceparentOf(span as never)], tracestate: [], baggage: [] });
  });

  it("stay when nothing can be injected", async () => {
    undo = instrumentFetch();
    setupPropagation();
    await get({ traceparent: STORED, tracestate: "vendor=1", baggage: "user=ana" });
    expect(sent()).toEqual({ traceparent: [STORED], tracestate: ["vendor=1"], baggage: ["user=ana"] });
    await get({ TraceParent: "00-garbage" });
    expect(sent()).toEqual({ traceparent: ["00-garbage"], tracestate: [], baggage: [] });
  });

  it("are merged with the active baggage, whose members win", async () => {
    const { ended } = start();
    await context.with(withBaggage({ user: "active", tenant: "t" }), () => get({ Baggage: "user=hand,extra=1;prop=2" }));
    await ended(1);
    const [baggage = "", ...more] = sent()["baggage"] ?? [];
    expect(more).toEqual([]);
    expect(baggage.split(",").toSorted()).toEqual(["extra=1;prop=2", "tenant=t", "user=active"]);
  });
});

it("sends baggage percent-encoded in UTF-8", async () => {
  start();
  await context.with(withBaggage({ user: "Zoë, 1" }), () => get());
  expect(sent()["baggage"]).toEqual(["user=Zo%C3%AB%2C%201"]);
});

it("propagates an unsampled trace as unsampled and records nothing", async () => {
  const { own, settled } = start({}, { sampler: new AlwaysOffSampler() });
  await inSpan("work", () => get());
  await settled();
  expect(sent()["traceparent"]).toEqual([expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)]);
  expect(own()).toEqual([]);
});

it("continues the trace of an unsampled remote parent", async () => {
  start({}, { sampler: new AlwaysOffSampler() });
  const remote = { traceId: STORED.slice(3, 35), spanId: STORED.slice(36, 52), traceFlags: TraceFlags.NONE, isRemote: true };
  await context.with(trace.setSpanContext(ROOT_CONTEXT, remote), () => get());
  expect(sent()["traceparent"]?.[0]).toMatch(new RegExp(`^00-${remote.traceId}-[0-9a-f]{16}-00$`));
});

it("neither traces nor injects when tracing is suppressed, and sends the caller's headers unchanged", async () => {
  const { started } = start();
  await context.with(suppressTracing(withBaggage({ user: "ana" })), () => get({ TraceParent: STORED }));
  expect(sent()).toEqual({ traceparent: [STORED], tracestate: [], baggage: [] });
  expect(started()).toBe(0);
});

it("neither traces nor injects a request that ignoreRequestHook excludes", async () => {
  const { started } = start({ ignoreRequestHook: ({ input }) => (input as string).endsWith("/ok") });
  await context.with(withBaggage({ user: "ana" }), () => get());
  expect(sent()).toEqual({ traceparent: [], tracestate: [], baggage: [] });
  expect(started()).toBe(0);
});

it("propagates without a span when requireParentforSpans finds no parent", async () => {
  const { ended, own } = start({ requireParentforSpans: true });
  await context.with(withBaggage({ user: "ana" }), () => get());
  expect(sent()).toEqual({ traceparent: [], tracestate: [], baggage: ["user=ana"] });
  expect(own()).toEqual([]);
  await get({ traceparent: STORED });
  await inSpan("work", () => get());
  expect((await ended(2))[0]?.parentSpanContext?.spanId).toBe("b7ad6b7169203331");
});

describe("without an SDK", () => {
  it.each(["setupPropagation()", "a context manager alone"])("forwards the incoming context with %s", async (how) => {
    undo = instrumentFetch();
    if (how === "setupPropagation()") setupPropagation();
    else context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const incoming = { traceId: STORED.slice(3, 35), spanId: STORED.slice(36, 52), traceFlags: TraceFlags.SAMPLED, isRemote: true };
    const received = withBaggage({ user: "ana" }, trace.setSpanContext(ROOT_CONTEXT, incoming));
    await context.with(received, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      await get({ "x-a": "1" });
    });
    expect(sent()).toEqual({ traceparent: [STORED], tracestate: [], baggage: ["user=ana"] });
    expect(server.values("x-a")).toEqual(["1"]);
  });

  it("sends nothing with OTEL_PROPAGATORS=none", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    undo = instrumentFetch();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    await context.with(withBaggage({ user: "ana" }), () => get());
    expect(sent()).toEqual({ traceparent: [], tracestate: [], baggage: [] });
  });
});

it("uses the W3C formats when no propagator is registered, and registers none", async () => {
  const { ended } = start({}, { propagator: null });
  await get();
  const [span] = await ended(1);
  expect(sent()["traceparent"]).toEqual([traceparentOf(span as never)]);
  expect(propagation.fields()).toEqual([]);
});

it("uses the propagator option instead of the global propagator", async () => {
  const own = {
    fields: () => ["x-trace"],
    inject: (_: unknown, carrier: unknown, setter: { set: (...args: unknown[]) => void }) => setter.set(carrier, "x-trace", "mine"),
    extract: <T>(c: T): T => c,
  };
  start({ propagator: own });
  await get({ "X-Trace": "by hand", traceparent: STORED });
  expect(server.values("x-trace")).toEqual(["mine"]);
  // The propagator does not have this field.
  expect(sent()["traceparent"]).toEqual([STORED]);
});

it("reads the context at the call, also when the promise is awaited elsewhere", async () => {
  const { ended } = start();
  let pending: Promise<Response> | undefined;
  await inSpan("first", () => void (pending = fetch(`${server.url}/ok`)));
  await inSpan("second", async () => (await pending)?.text());
  const [span] = await ended(1);
  const first = telemetry?.spans().find(({ name }) => name === "first");
  expect(span?.parentSpanContext?.spanId).toBe(first?.spanContext().spanId);
});

it("propagates through wrapFetch() of a custom fetch and does not change the global fetch", async () => {
  const { ended } = start();
  undo();
  const before = globalThis.fetch;
  const traced = wrapFetch((input, init) => before(input, init));
  await inSpan("work", async () => (await traced(`${server.url}/ok`)).text());
  const [span] = await ended(1);
  expect(server.values("traceparent")).toEqual([traceparentOf(span as never)]);
  expect(span?.attributes["network.peer.port"]).toBe(server.port);
  expect(globalThis.fetch).toBe(before);
  expect(wrapFetch(traced)).toBe(traced);
});
