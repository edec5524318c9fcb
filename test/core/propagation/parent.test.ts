import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, TraceFlags, propagation, trace } from "@opentelemetry/api";
import type { Context, Span, SpanKind } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { hasParent, parentFromHeaders } from "../../../src/core/propagation/parent.ts";
import { propagationSource, w3cPropagator } from "../../../src/core/propagation/propagator.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const spanOf = (spanId: string, kind?: SpanKind): Span =>
  Object.assign(trace.wrapSpanContext({ traceId: TRACE_ID, spanId, traceFlags: TraceFlags.SAMPLED }), { kind });
const within = (span: Span): Context => trace.setSpan(ROOT_CONTEXT, span);

const ACTIVE = "b7ad6b7169203331";
const OTHER = "00f067aa0ba902b7";
const traceparent = (spanId: string): string => `00-${TRACE_ID}-${spanId}-01`;
const W3C = propagationSource(w3cPropagator())()!;

describe("parentFromHeaders()", () => {
  it.each<[string, Context, string | undefined]>([
    ["no span is active", ROOT_CONTEXT, OTHER],
    ["the active span is invalid", within(trace.wrapSpanContext(INVALID_SPAN_CONTEXT)), OTHER],
    ["a span is active", within(spanOf(ACTIVE)), ACTIVE],
  ])("uses the traceparent header as the parent only without an active span: %s", (_, active, spanId) => {
    expect(trace.getSpanContext(parentFromHeaders(active, { traceparent: traceparent(OTHER) }, W3C))?.spanId).toBe(spanId);
  });

  it.each<[Record<string, string> | undefined, string | undefined, Record<string, string> | undefined]>([
    [{ user: "active", a: "1" }, "user=hand,b=2", { user: "active", a: "1", b: "2" }],
    [undefined, "user=hand,b=2", { user: "hand", b: "2" }],
    [{ user: "active" }, undefined, { user: "active" }],
    [{ user: "active" }, "no member", { user: "active" }],
    [undefined, "no member", undefined],
    [undefined, undefined, undefined],
  ])("merges the baggage header into the active baggage, which takes precedence: %j and %j", (own, baggage, expected) => {
    const members = Object.entries(own ?? {}).map(([key, value]) => [key, { value }]);
    for (const base of [ROOT_CONTEXT, within(spanOf(ACTIVE))]) {
      const active =
        own === undefined ? base : propagation.setBaggage(base, propagation.createBaggage(Object.fromEntries(members)));
      const parent = parentFromHeaders(active, { traceparent: traceparent(OTHER), ...(baggage !== undefined && { baggage }) }, W3C);
      const merged = propagation.getBaggage(parent)?.getAllEntries();
      expect(merged && Object.fromEntries(merged.map(([key, { value }]) => [key, value]))).toEqual(expected);
      expect(trace.getSpanContext(parent)?.spanId).toBe(base === ROOT_CONTEXT ? OTHER : ACTIVE);
    }
  });
});

describe("hasParent()", () => {
  it.each<[string, boolean, Context]>([
    ["no span", false, ROOT_CONTEXT],
    ["an invalid span", false, within(trace.wrapSpanContext(INVALID_SPAN_CONTEXT))],
    ["a span", true, within(spanOf(ACTIVE))],
  ])("of a context with %s is %s", (_, expected, active) => {
    expect(hasParent(active)).toBe(expected);
  });
});
