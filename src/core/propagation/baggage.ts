import { propagation } from "@opentelemetry/api";
import type { Baggage, Context, TextMapGetter, TextMapPropagator, TextMapSetter } from "@opentelemetry/api";
import { W3CBaggagePropagator, isTracingSuppressed } from "@opentelemetry/core";

export const BAGGAGE = "baggage";

/** What is derived from a baggage. OpenTelemetry's implementation is immutable, so this is computed once for each baggage. */
interface Derived {
  readonly size: number;
  /** The value of the header; empty if no header is written. */
  header: string | undefined;
}

const derived = new WeakMap<Baggage, Derived>();
const BaggageImpl = propagation.createBaggage().constructor;

function derivedFrom(baggage: Baggage): Derived {
  let found = derived.get(baggage);
  if (found === undefined) {
    found = { size: baggage.getAllEntries().length, header: undefined };
    // Another implementation may be mutable.
    if (baggage.constructor === BaggageImpl) derived.set(baggage, found);
  }
  return found;
}

/** The number of members. `getAllEntries()` would copy all of them. */
export function sizeOf(baggage: Baggage): number {
  return derivedFrom(baggage).size;
}

/**
 * W3C Baggage as the stock propagator writes it, byte for byte. It encodes each baggage once instead of once for each request, which takes the
 * stock propagator 12 microseconds for 64 members.
 */
export function w3cBaggagePropagator(): TextMapPropagator {
  const stock = new W3CBaggagePropagator();
  return {
    inject: <Carrier>(context: Context, carrier: Carrier, setter: TextMapSetter<Carrier>): void => {
      const baggage = propagation.getBaggage(context);
      if (baggage === undefined || isTracingSuppressed(context)) return;
      const found = derivedFrom(baggage);
      found.header ??= encode(stock, context);
      if (found.header !== "") setter.set(carrier, BAGGAGE, found.header);
    },
    extract: <Carrier>(context: Context, carrier: Carrier, getter: TextMapGetter<Carrier>): Context =>
      stock.extract(context, carrier, getter),
    fields: () => stock.fields(),
  };
}

function encode(stock: TextMapPropagator, context: Context): string {
  let encoded = "";
  const setter: TextMapSetter<undefined> = { set: (_carrier, _name, value) => void (encoded = value) };
  stock.inject(context, undefined, setter);
  return encoded;
}

/**
 * Removes the members of a `baggage` header that cannot be percent-decoded (W3C Baggage section 3.3.1.1). With @opentelemetry/core older than 2.3,
 * and perhaps with a custom propagator, one such member makes the whole header unreadable.
 */
export function dropUndecodableMembers(header: string): string {
  if (!header.includes("%") || isDecodable(header)) return header;
  return header.split(",").filter(isDecodable).join(",");
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** The members of both; where both have a key, the first one's value is used. */
export function mergeBaggage(first: Baggage | undefined, second: Baggage | undefined): Baggage | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  let merged = second;
  for (const [key, entry] of first.getAllEntries()) merged = merged.setEntry(key, entry);
  return merged;
}
