import { propagation, trace } from "@opentelemetry/api";
import type { Baggage, Context, TextMapPropagator } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { environmentList } from "./environment.ts";
import { guarded, reportFailure } from "./guard.ts";

/** The header names of W3C Trace Context and W3C Baggage. */
export const TRACEPARENT = "traceparent";
export const TRACESTATE = "tracestate";
export const BAGGAGE = "baggage";

/** A propagator with the header names that it writes, asked for once a call. */
export interface Propagation {
  readonly propagator: TextMapPropagator;
  readonly fields: readonly string[];
}

/** W3C Trace Context with W3C Baggage: what is used where nobody has chosen. */
export function w3cPropagator(): TextMapPropagator {
  return new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });
}

const fallback: Propagation = withFields(w3cPropagator());

function withFields(propagator: TextMapPropagator): Propagation {
  return { propagator, fields: guarded("the propagator's fields()", () => propagator.fields()) ?? [] };
}

/** `OTEL_PROPAGATORS`, the user's word on which formats are used; undefined where it is not set. */
export function propagatorNames(): string[] | undefined {
  return environmentList("OTEL_PROPAGATORS");
}

/**
 * Finds the propagator of the moment: the given one, else the global one if there is one, else W3C's unless `OTEL_PROPAGATORS=none`.
 * Undefined: none.
 */
export function propagationSource(given: TextMapPropagator | undefined): () => Propagation | undefined {
  if (given !== undefined) {
    const own = withFields(given);
    return () => own;
  }
  const unset = propagatorNames()?.includes("none") === true ? undefined : fallback;
  let registered: unknown;
  let global: Propagation | undefined;
  return () => {
    const current = registeredPropagator();
    // To ask for the fields makes an array for each call; they are asked for again when there is another propagator.
    if (current === undefined || current !== registered) {
      global = withFields(propagation);
      registered = current;
    }
    return global === undefined || global.fields.length === 0 ? unset : global;
  };
}

/** The global propagator, as something to compare: it is kept where the API keeps it. Undefined where there is none, or no such place. */
function registeredPropagator(): unknown {
  return (globalThis as { [API]?: { propagation?: unknown } })[API]?.propagation;
}

const API = Symbol.for("opentelemetry.js.api.1");

// RFC 9110 section 5.5: visible characters, space and tab; a client refuses all else, and a refused header must not cost a request.
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const recordSetter = {
  set(carrier: Record<string, string>, key: string, value: string): void {
    // A traceparent of version 00 has been made of hexadecimal digits; all else is looked at.
    const isTraceparent = key === TRACEPARENT && value.length === 55;
    if (isTraceparent || (typeof value === "string" && FIELD_VALUE.test(value))) carrier[key] = value;
  },
};

const recordGetter = {
  get: (carrier: Record<string, string>, key: string): string | undefined => carrier[key.toLowerCase()],
  keys: (carrier: Record<string, string>): string[] => Object.keys(carrier),
};

/** The headers that a context becomes on the wire. Never throws. */
export function headersOf(source: Propagation, context: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  try {
    source.propagator.inject(context, headers, recordSetter);
  } catch (error) {
    reportFailure("the propagator's inject()", error);
  }
  return headers;
}

// Characters that are looked at: of `traceparent` (55 in version 00, more in later ones), and of all else.
const LONGEST_TRACEPARENT = 256;
const LONGEST = 8192;

/**
 * Received headers within the limits up to which they are parsed (W3C Trace Context section 3.3.1.5, W3C Baggage section 3.3.2): a longer
 * `traceparent` does not count, of a longer list the members that fit do.
 */
export function bounded(headers: Record<string, string>): Record<string, string> {
  let within: Record<string, string> | undefined;
  for (const name in headers) {
    const value = headers[name] as string;
    const limit = name === TRACEPARENT ? LONGEST_TRACEPARENT : LONGEST;
    if (value.length <= limit) continue;
    const end = name === TRACEPARENT ? 0 : value.lastIndexOf(",", limit);
    within ??= { ...headers };
    within[name] = value.slice(0, Math.max(0, end));
  }
  return within ?? headers;
}

/** The context that headers (keyed in lower case) carry, on top of `base`. Never throws. */
export function contextOf(source: Propagation, headers: Record<string, string>, base: Context): Context {
  return withKnownFlags(
    guarded("the propagator's extract()", () => source.propagator.extract(base, headers, recordGetter)) ?? base,
  );
}

// Trace Context level 2: sampled and random. Others must not be passed on, and the stock propagator would write them in three digits.
const KNOWN_FLAGS = 0x03;

function withKnownFlags(context: Context): Context {
  const spanContext = trace.getSpanContext(context);
  if (spanContext === undefined || spanContext.traceFlags <= KNOWN_FLAGS) return context;
  return trace.setSpanContext(context, { ...spanContext, traceFlags: spanContext.traceFlags & KNOWN_FLAGS });
}

/** Whether a context has something that could be propagated. */
export function hasContext(context: Context): boolean {
  return trace.getSpanContext(context) !== undefined || propagation.getBaggage(context) !== undefined;
}

/** The members of both; those of the first win. */
export function mergedBaggage(first: Baggage | undefined, second: Baggage | undefined): Baggage | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  let merged = second;
  for (const [key, entry] of first.getAllEntries()) merged = merged.setEntry(key, entry);
  return merged;
}

/**
 * The names, of those that may be there, that injected headers replace: trace context is replaced as a whole, so that no `tracestate` of
 * another trace stays behind.
 */
export function replacedNames(headers: Record<string, string>, fields: readonly string[]): readonly string[] {
  if (fields.length === 0) return fields;
  const names = Object.keys(headers);
  return names.some((name) => name !== BAGGAGE)
    ? fields.filter((name) => name !== BAGGAGE || headers[BAGGAGE] !== undefined)
    : names;
}
