import { ROOT_CONTEXT, SpanKind, TraceFlags, context, propagation, trace } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import { setupPropagation } from "../../src/setup.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { clearGlobals, inSpan, startTelemetry, traceparentOf, until } from "../support/telemetry.ts";
import type { TestTelemetry, TestTelemetryOptions } from "../support/telemetry.ts";
import { streamed, traffic } from "./control.ts";

const spanNamed = (name: string): void => trace.getTracer("application").startSpan(name).end();

/**
 * What holds of fetch beside `@opentelemetry/instrumentation-undici`, registered before or after ours. Each order needs a process of its
 * own, since subscribers of channels stay in their order.
 */
export function besideUndici(order: "before" | "after"): void {
  let telemetry: TestTelemetry;
  let server: TestServer;
  let undo: () => void;
  let foreign: UndiciInstrumentation;
  const platform = globalThis.fetch;

  beforeAll(async () => {
    if (order === "before") foreign = new UndiciInstrumentation();
    instrumentFetch()();
    if (order === "after") foreign = new UndiciInstrumentation();
    server = await serve(ROUTES);
  });
  afterAll(() => server.close());
  beforeEach(() => void (undo = instrumentFetch()));
  afterEach(async () => {
    undo();
    await telemetry.stop();
    clearGlobals();
  });

  function start(options: TestTelemetryOptions = {}): void {
    telemetry = startTelemetry(options);
    foreign.setTracerProvider(trace.getTracerProvider());
    server.requests.length = 0;
  }
  const sent = (name = "traceparent"): string[][] => server.requests.map((request) => server.values(name, request));
  const clients = (): ReadableSpan[] => telemetry.spans().filter(({ kind }) => kind === SpanKind.CLIENT);
  const named = (name: string): ReadableSpan[] => telemetry.spans().filter((span) => span.name === name);

  /** One CLIENT span of ours for each request that arrived, and its `traceparent` alone on each. */
  async function ours(count: number): Promise<ReadableSpan[]> {
    const { sent: seen, issued, own } = await traffic(telemetry, server, count);
    expect(seen).toEqual(issued);
    expect(clients()).toEqual(own);
    return own;
  }

  it("records one CLIENT span and sends one traceparent and one baggage", async () => {
    start();
    const baggage = propagation.createBaggage({ user: { value: "ana" } });
    await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), async () => (await fetch(`${server.url}/ok`)).text());
    expect(await ours(1)).toHaveLength(1);
    expect(sent("baggage")).toEqual([["user=ana"]]);
  });

  it("leaves the requests of an uninstrumented fetch to instrumentation-undici", async () => {
    start();
    undo();
    await (await fetch(`${server.url}/ok`)).text();
    await telemetry.settled();
    expect(clients().map((span) => span.instrumentationScope.name)).toEqual(["@opentelemetry/instrumentation-undici"]);
    expect(sent()).toEqual([[traceparentOf(clients()[0] as never)]]);
  });

  it("replaces the caller's headers in concurrent calls", async () => {
    start();
    const byHand = { headers: { TraceParent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` } };
    await inSpan("work", () => Promise.all([1, 2, 3, 4].map(async () => (await fetch(`${server.url}/ok`, byHand)).text())));
    expect(await ours(4)).toHaveLength(4);
  });

  it("records each hop of a redirect once", async () => {
    start();
    await (await fetch(`${server.url}/redirect`)).text();
    const [first, second] = await ours(2);
    expect(second?.attributes["http.request.resend_count"]).toBe(1);
    expect(first?.attributes["http.response.status_code"]).toBe(302);
  });

  it("sends one unsampled traceparent when the span is not sampled", async () => {
    start({ sampler: new AlwaysOffSampler() });
    await inSpan("work", async () => (await fetch(`${server.url}/redirect`)).text());
    expect(sent()).toHaveLength(2);
    for (const values of sent()) expect(values).toEqual([expect.stringMatching(/-00$/)]);
  });

  it("records and sends nothing when tracing is suppressed", async () => {
    start();
    await context.with(suppressTracing(ROOT_CONTEXT), async () => (await fetch(`${server.url}/ok`)).text());
    expect(sent()).toEqual([[]]);
    expect(telemetry.started()).toBe(0);
  });

  it("forwards the incoming context once without an SDK", async () => {
    start();
    await telemetry.stop();
    foreign.setTracerProvider(trace.getTracerProvider());
    setupPropagation();
    const incoming = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: TraceFlags.SAMPLED, isRemote: true };
    const baggage = propagation.createBaggage({ user: { value: "ana" } });
    const received = propagation.setBaggage(trace.setSpanContext(ROOT_CONTEXT, incoming), baggage);
    await context.with(received, async () => (await fetch(`${server.url}/redirect`)).text());
    const expected = [`00-${incoming.traceId}-${incoming.spanId}-01`];
    expect(sent()).toEqual([expected, expected]);
    expect(sent("baggage")).toEqual([["user=ana"], ["user=ana"]]);
  });

  it("keeps the application's spans in body generators, in hooks and while it reads the stream", async () => {
    start();
    undo();
    undo = instrumentFetch({
      startSpanHook: () => (spanNamed("startSpanHook"), {}),
      requestHook: () => spanNamed("requestHook"),
      responseHook: () => spanNamed("responseHook"),
      urlTemplate: () => (spanNamed("urlTemplate"), undefined),
      ignoreRequestHook: () => (spanNamed("ignoreRequestHook"), false),
    });
    const body = (async function* () {
      spanNamed("first chunk");
      yield Buffer.from("one");
      await new Promise((resolve) => setImmediate(resolve));
      spanNamed("second chunk");
      yield Buffer.from("two");
    })();
    await inSpan("work", async () => {
      const response = await fetch(`${server.url}/echo`, streamed(body));
      for await (const _ of response.body ?? []) spanNamed("reading");
    });
    expect(await ours(1)).toHaveLength(1);
    for (const hook of ["startSpanHook", "requestHook", "responseHook", "urlTemplate", "ignoreRequestHook"]) {
      expect(named(hook).map((found) => found.parentSpanContext?.spanId)).toEqual([named("work")[0]?.spanContext().spanId]);
    }
    expect(named("first chunk")).toHaveLength(1);
    expect(named("second chunk")).toHaveLength(1);
    expect(named("reading").length).toBeGreaterThan(0);
  });

  it("runs the reader of a response stream in the reader's context", async () => {
    start();
    const response = await fetch(`${server.url}/events`);
    await inSpan("reader", async () => {
      for await (const _ of response.body ?? []) trace.getTracer("application").startSpan("event").end();
    });
    expect(await ours(1)).toHaveLength(1);
    const reader = named("reader")[0]?.spanContext().spanId;
    expect(named("event").length).toBeGreaterThan(0);
    expect(named("event").every((event) => event.parentSpanContext?.spanId === reader)).toBe(true);
  });

  it("records one span for each request of a custom fetch that first gets a token", async () => {
    start();
    const traced = wrapFetch(async (input, init) => {
      await (await fetch(`${server.url}/json`)).text();
      return platform(input, init);
    });
    await inSpan("work", async () => (await traced(`${server.url}/ok`)).text());
    const own = await ours(2);
    const [token, asked] = ["/json", "/ok"].map((path) =>
      own.find(({ attributes }) => attributes["url.full"] === server.url + path),
    );
    expect(token?.parentSpanContext?.spanId).toBe(asked?.spanContext().spanId);
  });

  it("keeps the spans of a custom fetch", async () => {
    start();
    const traced = wrapFetch(async (input, init) =>
      inSpan("authorise", async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return inSpan("send", () => fetch(input, init));
      }),
    );
    await (await traced(`${server.url}/ok`)).text();
    expect(await ours(1)).toHaveLength(1);
    expect(named("authorise")).toHaveLength(1);
    expect(named("send")).toHaveLength(1);
  });

  it("records one failed span for a failed request", async () => {
    start();
    await expect(fetch(`${server.url}/reset`)).rejects.toThrow("fetch failed");
    await until(() => telemetry.own().length === 1);
    expect(await ours(1)).toHaveLength(1);
  });
}
