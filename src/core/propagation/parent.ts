import { ROOT_CONTEXT, isSpanContextValid, propagation, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { hasProcessParent } from "../context/process-root.ts";
import { BAGGAGE, mergeBaggage } from "./baggage.ts";
import { extract } from "./propagator.ts";
import type { Propagation } from "./propagator.ts";

/**
 * The parent of a call whose request already has propagation headers: the active context, with the baggage of both, active members first. Without an
 * active span of this process, the trace that the headers carry.
 */
export function parentFromHeaders(active: Context, existing: Record<string, string>, source: Propagation): Context {
  const parent = hasParent(active) && !hasProcessParent(active) ? active : extract(source, existing, active);
  if (existing[BAGGAGE] === undefined) return parent;
  const carried = propagation.getBaggage(extract(source, existing, ROOT_CONTEXT));
  const baggage = mergeBaggage(propagation.getBaggage(active), carried);
  return baggage === undefined ? parent : propagation.setBaggage(parent, baggage);
}

/** Whether a context has a span, local or remote. */
export function hasParent(context: Context): boolean {
  const spanContext = trace.getSpanContext(context);
  return spanContext !== undefined && isSpanContextValid(spanContext);
}
