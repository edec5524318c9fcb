import { ROOT_CONTEXT, SpanKind, isSpanContextValid, propagation, trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { findActiveCall } from "../calls/active-calls.ts";
import { BAGGAGE, mergeBaggage } from "./baggage.ts";
import { extract } from "./propagator.ts";
import { TRACEPARENT } from "./trace-context.ts";
import type { Propagation } from "./propagator.ts";

/** Whether the request carries a `traceparent` that an open call, or somebody else's open CLIENT span, has put there. */
export function isTracedAlready(carried: Record<string, string>, active: Context): boolean {
  const traceparent = carried[TRACEPARENT];
  if (traceparent === undefined) return false;
  if (findActiveCall(traceparent, active) !== undefined) return true;
  // The API gives a span no kind, but the span of an SDK has one.
  const span: (Span & { readonly kind?: SpanKind }) | undefined = trace.getSpan(active);
  return span?.kind === SpanKind.CLIENT && traceparent.includes(span.spanContext().spanId);
}

/** The parent of a call whose request has headers put in by hand: they lead where no span is active; baggage is merged, active members win. */
export function parentOf(active: Context, carried: Record<string, string>, source: Propagation): Context {
  const activeSpan = trace.getSpanContext(active);
  const lead = activeSpan === undefined || !isSpanContextValid(activeSpan);
  const parent = lead ? extract(source, carried, active) : active;
  if (carried[BAGGAGE] === undefined) return parent;
  const byHand = propagation.getBaggage(extract(source, carried, ROOT_CONTEXT));
  const baggage = mergeBaggage(propagation.getBaggage(active), byHand);
  return baggage === undefined ? parent : propagation.setBaggage(parent, baggage);
}

/** Whether a context has a span, here or at a caller's. */
export function hasParent(context: Context): boolean {
  const spanContext = trace.getSpanContext(context);
  return spanContext !== undefined && isSpanContextValid(spanContext);
}
