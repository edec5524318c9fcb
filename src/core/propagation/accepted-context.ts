import { propagation, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";

/**
 * Restricts the baggage of an extracted context to what a server accepts of its caller.
 *
 * @param base the context that the caller's was extracted on top of. If no member is accepted, its own baggage stays.
 * @param accept the option `acceptBaggage`.
 */
export function acceptedBaggage(extracted: Context, base: Context, accept: boolean | readonly string[] | undefined): Context {
  if (accept === true || accept === undefined) return extracted;
  const baggage = propagation.getBaggage(extracted);
  const before = propagation.getBaggage(base);
  if (baggage === undefined || baggage === before) return extracted;
  const members = accept === false ? [] : baggage.getAllEntries().filter(([key]) => accept.includes(key));
  if (members.length > 0) return propagation.setBaggage(extracted, propagation.createBaggage(Object.fromEntries(members)));
  return before === undefined ? propagation.deleteBaggage(extracted) : propagation.setBaggage(extracted, before);
}

/** Replaces the caller's trace in an extracted context by that of the base, if it has one. */
export function withoutCallersTrace(extracted: Context, base: Context): Context {
  const own = trace.getSpan(base);
  return own === undefined ? trace.deleteSpan(extracted) : trace.setSpan(extracted, own);
}
