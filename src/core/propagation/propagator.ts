import { context as contextApi, isSpanContextValid, propagation, trace } from "@opentelemetry/api";
import type { Baggage, Context, SpanContext, TextMapPropagator } from "@opentelemetry/api";
import { CompositePropagator, W3CTraceContextPropagator, isTracingSuppressed } from "@opentelemetry/core";
import { w3cBaggagePropagator } from "./baggage.ts";
import { environmentList } from "../telemetry/environment.ts";
import { safeCall, reportFailure } from "../telemetry/diagnostics.ts";
import { parseTraceState } from "./trace-state.ts";

/** The header names of W3C Trace Context and W3C Baggage. */
export const TRACEPARENT = "traceparent";
export const TRACESTATE = "tracestate";
export const BAGGAGE = "baggage";

/** A propagator with the header names that it writes, asked for once a call. */
export interface Propagation {
  readonly propagator: TextMapPropagator;
  readonly fields: readonly string[];
  /** Whether it has turned out to write nothing but of the active context, as Sentry's does. */
  activeOnly?: boolean;
}

/** W3C Trace Context with W3C Baggage: what is used where nobody has chosen. */
export function w3cPropagator(): TextMapPropagator {
  return new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), w3cBaggagePropagator()] });
}

const fallback: Propagation = withFields(w3cPropagator());

function withFields(propagator: TextMapPropagator): Propagation {
  return { propagator, fields: safeCall("the propagator's fields()", () => propagator.fields()) ?? [] };
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
    if (isTraceparent || isFieldValue(value)) carrier[key] = value;
  },
};

let lastFieldValue = "";

/** Baggage is mostly the same from call to call: to look at 64 members takes 1 us. */
function isFieldValue(value: unknown): boolean {
  if (value === lastFieldValue) return true;
  if (typeof value !== "string" || !FIELD_VALUE.test(value)) return false;
  lastFieldValue = value;
  return true;
}

const recordGetter = {
  get(carrier: Record<string, string>, key: string): string | undefined {
    const name = key.toLowerCase();
    const value = carrier[name];
    return value !== undefined && name === BAGGAGE ? decodable(value) : value;
  },
  keys: (carrier: Record<string, string>): string[] => Object.keys(carrier),
};

/**
 * Baggage without the members that cannot be percent-decoded (W3C Baggage section 3.3.1.1): one of them costs all others where
 * @opentelemetry/core is older than 2.3, and may with a propagator of the user's.
 */
function decodable(baggage: string): string {
  if (!baggage.includes("%") || canBeDecoded(baggage)) return baggage;
  return baggage.split(",").filter(canBeDecoded).join(",");
}

function canBeDecoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** The headers that a context becomes on the wire. Never throws. */
export function inject(source: Propagation, context: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  if (source.activeOnly === true) injectWhileActive(source, context, headers);
  else {
    injectInto(source, context, headers);
    if (headers[TRACEPARENT] === undefined && isEmpty(headers) && mayBeActiveOnly(context)) {
      injectWhileActive(source, context, headers);
      // It may tell of its refusal each time; once is enough.
      if (!isEmpty(headers)) source.activeOnly = true;
    }
  }
  if (anyRandom) keepRandomFlag(headers, context);
  return headers;
}

function injectInto({ propagator }: Propagation, context: Context, headers: Record<string, string>): void {
  try {
    const result: unknown = propagator.inject(context, headers, recordSetter);
    // Somebody has written it as an async function: what it rejects with would end the process.
    if (result instanceof Promise) result.catch((error: unknown) => reportFailure("the propagator's inject()", error));
  } catch (error) {
    reportFailure("the propagator's inject()", error);
  }
}

/** Injects while the context is active, which may lay one of the context manager's own over it. */
function injectWhileActive(source: Propagation, context: Context, headers: Record<string, string>): void {
  safeCall("the context manager", () => contextApi.with(context, () => injectInto(source, contextApi.active(), headers)));
}

/** Whether nothing was written though there is a span to write of. */
function mayBeActiveOnly(context: Context): boolean {
  const spanContext = trace.getSpanContext(context);
  return spanContext !== undefined && isSpanContextValid(spanContext) && !isTracingSuppressed(context);
}

function isEmpty(record: object): boolean {
  for (const _ in record) return false;
  return true;
}

// Characters that are looked at: of `traceparent` (55 in version 00, more in later ones), and of all else.
const LONGEST_TRACEPARENT = 256;
const LONGEST = 8192;

/**
 * Received headers within the limits up to which they are parsed (W3C Trace Context section 3.3.1.5, W3C Baggage section 3.3.2): a longer
 * `traceparent` does not count, of a longer list the members that fit do.
 */
export function truncateHeaders(headers: Record<string, string>): Record<string, string> {
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
export function extract(source: Propagation, headers: Record<string, string>, base: Context): Context {
  const extracted = safeCall("the propagator's extract()", () => source.propagator.extract(base, headers, recordGetter)) ?? base;
  const spanContext = trace.getSpanContext(extracted);
  const header = headers[TRACEPARENT];
  // What another format, or the base, brought is none of ours.
  if (spanContext === undefined || header?.includes(spanContext.spanId) !== true) return extracted;
  return asLevel2(extracted, spanContext, headers[TRACESTATE]);
}

// Trace Context level 2, section 3.2.2.5: sampled and random. Others must not be passed on, and the stock propagator would write them in three
// digits.
const KNOWN_FLAGS = 0x03;
const RANDOM_FLAG = 0x02;
const RANDOM_TRACE = Symbol("a2a-otel.random-trace");

/** A remote span as Trace Context level 2 has it, where the stock propagator and the SDK know level 1. */
function asLevel2(context: Context, spanContext: SpanContext, tracestate: string | undefined): Context {
  const { traceId, traceFlags } = spanContext;
  // A span of the SDK's has the sampled flag alone; the trace's random flag has to be kept beside it.
  const within = (traceFlags & RANDOM_FLAG) === 0 ? context : asRandom(context, traceId);
  if (traceFlags <= KNOWN_FLAGS && tracestate === undefined) return within;
  const { traceState: _, ...rest } = spanContext;
  const traceState = tracestate === undefined ? undefined : parseTraceState(tracestate);
  return trace.setSpanContext(within, { ...rest, traceFlags: traceFlags & KNOWN_FLAGS, ...(traceState && { traceState }) });
}

// Most processes never see such a trace, and need not look for one at each call.
let anyRandom = false;

function asRandom(context: Context, traceId: string): Context {
  anyRandom = true;
  return context.setValue(RANDOM_TRACE, traceId);
}

/** Puts the random flag on a `traceparent` of a trace that came with it. */
function keepRandomFlag(headers: Record<string, string>, context: Context): void {
  const randomTrace = context.getValue(RANDOM_TRACE);
  const traceparent = headers[TRACEPARENT];
  if (randomTrace === undefined || traceparent?.slice(3, 35) !== randomTrace) return;
  const flags = Number.parseInt(traceparent.slice(53, 55), 16) | RANDOM_FLAG;
  headers[TRACEPARENT] = `${traceparent.slice(0, 53)}${flags.toString(16).padStart(2, "0")}`;
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
