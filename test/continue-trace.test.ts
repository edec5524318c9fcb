import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, diag, propagation, trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { instrumentFetch } from "../src/fetch.ts";
import { continueTrace, extractTraceContext, injectTraceContext } from "../src/index.ts";
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
const quiet = (): void => {};
const thrower = (): never => {
  throw new Error("not mine");
};
const OK = { kind: SpanKind.INTERNAL, status: SpanStatusCode.UNSET, attributes: {}, events: [] };

describe("without a name: no span, the carrier's context", () => {
  it("fn runs in it, and what it awaits; its value is returned as it is", async () => {
    const promise = continueTrace(STORED, async () => {
      const before = [traceId(), spanId(), who()];
      await Promise.resolve();
      return [...before, traceId(), who()];
    });
    expect(await promise).toEqual([TRACE_ID, SPAN_ID, "alice", TRACE_ID, "alice"]);
    expect(traceId()).toBeUndefined();
    const value = {};
    expect(continueTrace(STORED, () => value)).toBe(value);
    expect(telemetry.started()).toBe(0);
  });

  it("link: the active trace goes on, with the carrier's baggage", async () => {
    await inSpan("active", () => {
      const [own] = [traceId()];
      expect(continueTrace(STORED, () => [traceId(), who()], { mode: "link" })).toEqual([own, "alice"]);
    });
    expect(continueTrace(STORED, () => [traceId(), who()], { mode: "link" })).toEqual([undefined, "alice"]);
  });

  it("a carrier with nothing in it leaves what is active", async () => {
    await inSpan("active", () => {
      for (const carrier of [null, undefined, {}, { traceparent: "nonsense" }])
        expect(continueTrace(carrier, spanId)).toBe(spanId());
    });
  });

  it("what fn throws is thrown on", async () => {
    const error = new Error("mine");
    const fail = (): never => {
      throw error;
    };
    expect(() => continueTrace(STORED, fail)).toThrow(error);
    await expect(continueTrace(STORED, async () => fail())).rejects.toBe(error);
  });
});

describe("with a name: a span of its own", () => {
  it("sync: the child of the carrier's, active in fn, ended when it returns", () => {
    const attributes = { "messaging.system": "x" };
    const inside = continueTrace(STORED, () => [spanId(), traceId(), who()], { name: "work", kind: SpanKind.CONSUMER, attributes });
    const [span] = telemetry.own();
    expect(span && shapeOf(span)).toEqual({ ...OK, name: "work", kind: SpanKind.CONSUMER, attributes });
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true });
    expect(inside).toEqual([span?.spanContext().spanId, TRACE_ID, "alice"]);
    expect(span?.links).toEqual([]);
  });

  it("async: ended when the promise is fulfilled", async () => {
    const promise = continueTrace(
      STORED,
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return traceId();
      },
      { name: "work" },
    );
    expect(telemetry.own()).toEqual([]);
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
  it("what fn throws, or its promise is rejected with, is recorded and thrown on", async () => {
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

  it("a thenable that is no promise", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- as a query builder is one
    const query = { then: (resolve: (value: string) => void): void => resolve("rows") };
    expect(await continueTrace(STORED, () => query, { name: "work" })).toBe("rows");
    expect(telemetry.own().map(shapeOf)).toEqual([{ ...OK, name: "work" }]);
  });

  it("a value whose `then` cannot be read is returned all the same", () => {
    const value = new Proxy({}, { get: thrower });
    expect(continueTrace(STORED, () => value, { name: "work" }) === value).toBe(true);
    expect(telemetry.own().map(shapeOf)).toEqual([{ ...OK, name: "work" }]);
  });

  it("link: in the active trace, with a link to the carrier's span, and its baggage", async () => {
    const inside = await inSpan("active", () => continueTrace(STORED, who, { name: "work", mode: "link" }));
    const [work, active] = telemetry.spans();
    expect(inside).toBe("alice");
    expect(work?.parentSpanContext?.spanId).toBe(active?.spanContext().spanId);
    expect(work?.links.map((link) => link.context)).toMatchObject([{ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true }]);
  });

  it("link where nothing is active: a trace of its own", () => {
    continueTrace(STORED, () => {}, { name: "work", mode: "link" });
    const [span] = telemetry.own();
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.spanContext().traceId).not.toBe(TRACE_ID);
    expect(span?.links).toHaveLength(1);
  });

  it("link with nothing to link to: no link, also where a remote span is active", () => {
    context.with(extractTraceContext(STORED, ROOT_CONTEXT), () => continueTrace({}, () => {}, { name: "work", mode: "link" }));
    expect(telemetry.own()[0]?.links).toEqual([]);
    expect(telemetry.own()[0]?.parentSpanContext?.spanId).toBe(SPAN_ID);
  });
});

describe("where telemetry is not there, or fails", () => {
  it("no SDK: fn runs in the carrier's context, with and without a name", async () => {
    trace.disable();
    for (const options of [{}, { name: "work" }]) {
      expect(continueTrace(STORED, () => injectTraceContext(), options)).toEqual(STORED);
    }
    await expect(continueTrace(STORED, async () => who(), { name: "work" })).resolves.toBe("alice");
  });

  it("no context manager: fn runs, and its value is returned", () => {
    context.disable();
    expect(continueTrace(STORED, () => "value", { name: "work" })).toBe("value");
    expect(telemetry.own()).toHaveLength(1);
  });

  it("a tracer that throws: fn runs once, and diag hears of it", () => {
    const error = vi.fn<() => void>();
    diag.setLogger({ error, warn: quiet, info: quiet, debug: quiet, verbose: quiet });
    const getTracer = vi.spyOn(trace.getTracerProvider(), "getTracer").mockImplementation(() => {
      throw new Error("no tracer");
    });
    const fn = vi.fn<() => unknown>(() => traceId());
    expect(continueTrace(STORED, fn, { name: "work" })).toBe(TRACE_ID);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(error).toHaveBeenCalled();
    getTracer.mockRestore();
  });
});

describe("a queue's worker", () => {
  it("its fetch with a stored carrier for headers continues the stored trace, with no span active", async () => {
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

  it("and so does a fetch inside of continueTrace", async () => {
    const server = await serve(ROUTES);
    const undo = instrumentFetch();
    await continueTrace(STORED, async () => (await fetch(`${server.url}/ok`)).text(), { name: "work", kind: SpanKind.CONSUMER });
    const [call, work] = await telemetry.ended(2);
    expect([call?.parentSpanContext?.spanId, work?.parentSpanContext?.spanId]).toEqual([work?.spanContext().spanId, SPAN_ID]);
    expect(server.values("baggage")).toEqual(["who=alice"]);
    undo();
    await server.close();
  });
});
