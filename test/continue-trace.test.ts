import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { instrumentFetch } from "../src/fetch.ts";
import { continueTrace, extractTraceContext, injectTraceContext } from "../src/index.ts";
import { recordDiagnostics } from "./support/diagnostics.ts";
import { ROUTES, serve } from "./support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "./support/telemetry.ts";
import type { TestTelemetry } from "./support/telemetry.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";
const STORED = { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, baggage: "who=alice" };

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

const traceId = (): string | undefined => trace.getSpanContext(context.active())?.traceId;
const spanId = (): string | undefined => trace.getSpanContext(context.active())?.spanId;
const who = (): string | undefined => propagation.getActiveBaggage()?.getEntry("who")?.value;
const thrower = (): never => {
  throw new Error("thrown by the value");
};
const OK = { kind: SpanKind.INTERNAL, status: SpanStatusCode.UNSET, attributes: {}, events: [] };

describe("continueTrace() without a name", () => {
  it("runs fn in the carrier's context without a span and returns its value", async () => {
    const promise = continueTrace(STORED, async () => {
      const before = { traceId: traceId(), spanId: spanId(), who: who() };
      await Promise.resolve();
      return { before, after: { traceId: traceId(), spanId: spanId(), who: who() } };
    });
    const carried = { traceId: TRACE_ID, spanId: SPAN_ID, who: "alice" };
    expect(await promise).toEqual({ before: carried, after: carried });
    expect(traceId()).toBeUndefined();
    const value = {};
    expect(continueTrace(STORED, () => value)).toBe(value);
    expect(telemetry.started()).toBe(0);
  });

  it("keeps the active trace and adds the carrier's baggage in the link mode", async () => {
    await inSpan("active", () => {
      const active = traceId();
      expect(continueTrace(STORED, traceId, { mode: "link" })).toBe(active);
      expect(continueTrace(STORED, who, { mode: "link" })).toBe("alice");
    });
    expect(continueTrace(STORED, traceId, { mode: "link" })).toBeUndefined();
    expect(continueTrace(STORED, who, { mode: "link" })).toBe("alice");
  });

  it("keeps the active context for an empty carrier", async () => {
    await inSpan("active", () => {
      for (const carrier of [null, undefined, {}, { traceparent: "nonsense" }])
        expect(continueTrace(carrier, spanId)).toBe(spanId());
    });
  });

  it("rethrows what fn throws", async () => {
    const error = new Error("mine");
    const fail = (): never => {
      throw error;
    };
    expect(() => continueTrace(STORED, fail)).toThrow(error);
    await expect(continueTrace(STORED, async () => fail())).rejects.toBe(error);
  });
});

describe("continueTrace() with a name", () => {
  it("records a span below the carrier's that is active in fn and ends when fn returns", () => {
    const attributes = { "messaging.system": "x" };
    const options = { name: "work", kind: SpanKind.CONSUMER, attributes };
    const inside = continueTrace(STORED, () => ({ spanId: spanId(), traceId: traceId(), who: who() }), options);
    const [span] = telemetry.own();
    expect(span && shapeOf(span)).toEqual({ ...OK, name: "work", kind: SpanKind.CONSUMER, attributes });
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true });
    expect(inside).toEqual({ spanId: span?.spanContext().spanId, traceId: TRACE_ID, who: "alice" });
    expect(span?.links).toEqual([]);
  });

  it("ends the span when the promise of fn is fulfilled", async () => {
    const work = Promise.withResolvers<void>();
    const promise = continueTrace(STORED, async () => work.promise.then(traceId), { name: "work" });
    expect(telemetry.own()).toEqual([]);
    work.resolve();
    expect(await promise).toBe(TRACE_ID);
    expect(telemetry.own().map(shapeOf)).toEqual([{ ...OK, name: "work" }]);
  });

  class QueueError extends Error {
    code = "E_QUEUE";
  }
  const failure = {
    ...OK,
    name: "work",
    status: SpanStatusCode.ERROR,
    attributes: { "error.type": "E_QUEUE" },
    events: ["exception"],
  };
  it("records and rethrows what fn throws or rejects with", async () => {
    const error = new QueueError("https://user:secret@host/?sig=1");
    const fail = (): never => {
      throw error;
    };
    expect(() => continueTrace(STORED, fail, { name: "work" })).toThrow(error);
    await expect(continueTrace(STORED, async () => fail(), { name: "work" })).rejects.toBe(error);
    const spans = telemetry.own();
    expect(spans.map(shapeOf)).toEqual([failure, failure]);
    expect(JSON.stringify(spans.map((span) => span.events))).not.toContain("secret");
  });

  it("ends the span when a thenable that is not a promise is fulfilled", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- some query builders are thenables
    const query = { then: (resolve: (value: string) => void): void => resolve("rows") };
    expect(await continueTrace(STORED, () => query, { name: "work" })).toBe("rows");
    expect(telemetry.own().map(shapeOf)).toEqual([{ ...OK, name: "work" }]);
  });

  it("returns a value whose `then` property cannot be read", () => {
    const value = new Proxy({}, { get: thrower });
    expect(continueTrace(STORED, () => value, { name: "work" }) === value).toBe(true);
    expect(telemetry.own().map(shapeOf)).toEqual([{ ...OK, name: "work" }]);
  });

  it("records a span in the active trace with a link to the carrier's span in the link mode", async () => {
    const inside = await inSpan("active", () => continueTrace(STORED, who, { name: "work", mode: "link" }));
    const [work, active] = telemetry.spans();
    expect(inside).toBe("alice");
    expect(work?.parentSpanContext?.spanId).toBe(active?.spanContext().spanId);
    expect(work?.links.map((link) => link.context)).toMatchObject([{ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true }]);
  });

  it("begins a new trace in the link mode if no span is active", () => {
    continueTrace(STORED, () => {}, { name: "work", mode: "link" });
    const [span] = telemetry.own();
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.spanContext().traceId).not.toBe(TRACE_ID);
    expect(span?.links).toHaveLength(1);
  });

  it("records no link for an empty carrier even if a remote span is active", () => {
    context.with(extractTraceContext(STORED, ROOT_CONTEXT), () => continueTrace({}, () => {}, { name: "work", mode: "link" }));
    expect(telemetry.own()[0]?.links).toEqual([]);
    expect(telemetry.own()[0]?.parentSpanContext?.spanId).toBe(SPAN_ID);
  });
});

describe("continueTrace() with missing or failing telemetry", () => {
  it("runs fn in the carrier's context without an SDK", async () => {
    trace.disable();
    for (const options of [{}, { name: "work" }]) {
      expect(continueTrace(STORED, () => injectTraceContext(), options)).toEqual(STORED);
    }
    await expect(continueTrace(STORED, async () => who(), { name: "work" })).resolves.toBe("alice");
  });

  it("runs fn and returns its value without a context manager", () => {
    context.disable();
    expect(continueTrace(STORED, () => "value", { name: "work" })).toBe("value");
    expect(telemetry.own()).toHaveLength(1);
  });

  it("runs fn once and logs an error if the tracer throws", () => {
    const diagnostics = recordDiagnostics();
    const getTracer = vi.spyOn(trace.getTracerProvider(), "getTracer").mockImplementation(() => {
      throw new Error("no tracer");
    });
    const fn = vi.fn<() => unknown>(() => traceId());
    expect(continueTrace(STORED, fn, { name: "work" })).toBe(TRACE_ID);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(diagnostics.error).toHaveBeenCalled();
    getTracer.mockRestore();
  });
});

describe("a queue worker", () => {
  it("continues the stored trace by passing the stored carrier as headers to fetch", async () => {
    const server = await serve(ROUTES);
    const undo = instrumentFetch();
    const stored = await inSpan("producer", () => JSON.stringify(injectTraceContext()));
    const headers = JSON.parse(stored) as Record<string, string>;
    await (await fetch(`${server.url}/ok`, { headers })).text();
    const [call] = await telemetry.ended(1);
    const [producer] = telemetry.spans();
    expect(call?.parentSpanContext?.spanId).toBe(producer?.spanContext().spanId);
    expect(server.values("traceparent")).toEqual([traceparentOf(call as never)]);
    expect(headers).toEqual(JSON.parse(stored));
    undo();
    await server.close();
  });

  it("continues the stored trace with a fetch in continueTrace()", async () => {
    const server = await serve(ROUTES);
    const undo = instrumentFetch();
    await continueTrace(STORED, async () => (await fetch(`${server.url}/ok`)).text(), { name: "work", kind: SpanKind.CONSUMER });
    const [call, work] = await telemetry.ended(2);
    expect(call?.parentSpanContext?.spanId).toBe(work?.spanContext().spanId);
    expect(work?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(server.values("baggage")).toEqual(["who=alice"]);
    undo();
    await server.close();
  });
});
