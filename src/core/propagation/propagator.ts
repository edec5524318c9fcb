import { context as contextApi, isSpanContextValid, propagation, trace } from "@opentelemetry/api";
import type { Context, TextMapPropagator } from "@opentelemetry/api";
import { CompositePropagator, W3CTraceContextPropagator, isTracingSuppressed } from "@opentelemetry/core";
import { reportFailure, safeCall, warnOnce } from "../telemetry/diagnostics.ts";
import { environmentList } from "../telemetry/environment.ts";
import { BAGGAGE, dropUndecodableMembers, w3cBaggagePropagator } from "./baggage.ts";
import { TRACEPARENT, applyLevel2, keepRandomFlag } from "./trace-context.ts";

/** A propagator, and the names of the headers that it reads and writes. */
export interface Propagation {
  readonly propagator: TextMapPropagator;
  readonly fields: readonly string[];
  /** Whether the propagator injects the active context alone and ignores the one that it is given, as Sentry's does. Set by {@link inject}. */
  injectsActiveOnly?: boolean;
  /** Whether the `traceparent` that the propagator writes has the id of the injected context's span. Set by the first call with a span. */
  injectsOwnSpan?: boolean;
}

/** W3C Trace Context and W3C Baggage, the default. */
export function w3cPropagator(): TextMapPropagator {
  return new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), w3cBaggagePropagator()] });
}

/** The names in `OTEL_PROPAGATORS`; undefined if it is not set. */
function propagatorNames(): string[] | undefined {
  return environmentList("OTEL_PROPAGATORS");
}

/**
 * The propagator that `OTEL_PROPAGATORS` names: `tracecontext`, `baggage`, or both, which is the default. Undefined for `none`, and if it has unknown
 * names only. Unknown names are logged and skipped.
 */
export function propagatorFromEnvironment(): TextMapPropagator | undefined {
  const names = propagatorNames();
  if (names === undefined) return w3cPropagator();
  if (names.includes("none")) return undefined;
  const propagators: TextMapPropagator[] = [];
  for (const name of new Set(names)) {
    if (name === "tracecontext") propagators.push(new W3CTraceContextPropagator());
    else if (name === "baggage") propagators.push(w3cBaggagePropagator());
    else
      warnOnce(`OTEL_PROPAGATORS: "${name}" is skipped, because only tracecontext, baggage and none are supported without an SDK`);
  }
  return propagators.length === 0 ? undefined : new CompositePropagator({ propagators });
}

/**
 * Returns a function that finds the propagator to use: the given one, else the global one, else that of {@link propagatorFromEnvironment}. Undefined
 * if there is none.
 */
export function propagationSource(given: TextMapPropagator | undefined): () => Propagation | undefined {
  if (given !== undefined) {
    const own = withFields(given);
    return () => own;
  }
  let registered: unknown;
  let global: Propagation | undefined;
  let fallback: { readonly propagation: Propagation | undefined } | undefined;
  // An SDK may register its propagator after the client was set up.
  return () => {
    const current = registeredPropagator();
    if (global === undefined || current === undefined || current !== registered) {
      registered = current;
      global = withFields(propagation);
    }
    return global.fields.length > 0 ? global : (fallback ??= { propagation: environmentPropagation() }).propagation;
  };
}

const API_KEY = Symbol.for("opentelemetry.js.api.1");

/**
 * The global propagator, to notice that another one was registered, where OpenTelemetry's API keeps it; undefined if there is none. Asking the propagator
 * for its fields instead would create an array for each call (`npm run bench:micro -- propagator-fields`).
 */
function registeredPropagator(): unknown {
  return (globalThis as { [API_KEY]?: { propagation?: unknown } })[API_KEY]?.propagation;
}

function withFields(propagator: TextMapPropagator): Propagation {
  return { propagator, fields: safeCall("the propagator's fields()", () => propagator.fields()) ?? [] };
}

function environmentPropagation(): Propagation | undefined {
  const propagator = propagatorFromEnvironment();
  return propagator && withFields(propagator);
}

/** Injects a context into a new record of headers. Never throws. */
export function inject(source: Propagation, context: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  try {
    if (source.injectsActiveOnly === true) injectWhileActive(source, context, headers);
    else {
      injectInto(source, context, headers);
      if (headers[TRACEPARENT] === undefined && isEmpty(headers) && hasRecordableSpan(context)) {
        injectWhileActive(source, context, headers);
        // Later calls inject while the context is active at once, because Sentry logs a message each time that it injects nothing.
        if (!isEmpty(headers)) source.injectsActiveOnly = true;
      }
    }
    keepRandomFlag(headers, context);
  } catch (error) {
    reportFailure("injecting a context", error);
  }
  return headers;
}

function injectInto({ propagator }: Propagation, context: Context, headers: Record<string, string>): void {
  try {
    const result: unknown = propagator.inject(context, headers, recordSetter);
    // A custom propagator may be an async function. An unhandled rejection would end the process.
    if (result instanceof Promise) result.catch((error: unknown) => reportFailure("the propagator's inject()", error));
  } catch (error) {
    reportFailure("the propagator's inject()", error);
  }
}

/** Injects `contextApi.active()` instead of the context itself, because a context manager may return a derived one. */
function injectWhileActive(source: Propagation, context: Context, headers: Record<string, string>): void {
  safeCall("the context manager", () => contextApi.with(context, () => injectInto(source, contextApi.active(), headers)));
}

/** Whether a propagator should have written something. */
function hasRecordableSpan(context: Context): boolean {
  const spanContext = trace.getSpanContext(context);
  return spanContext !== undefined && isSpanContextValid(spanContext) && !isTracingSuppressed(context);
}

/** Whether a record of headers has none. */
export function isEmpty(headers: Record<string, string>): boolean {
  for (const _ in headers) return false;
  return true;
}

// RFC 9110 section 5.5: visible characters, space and tab. HTTP clients throw for any other character.
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
let lastValidValue = "";

const recordSetter = {
  set(carrier: Record<string, string>, key: string, value: string): void {
    if (isFieldValue(key, value)) carrier[key] = value;
  },
};

/**
 * Whether a header may have this value. Two values are not tested, because the test takes 3 % of a sampled call's own time for a new `traceparent`
 * and 27 % for a baggage of 64 members (benchmarks/micro/traceparent-check.ts and baggage-check.ts): a `traceparent` of version 00, whose ids the SDK
 * has written in hexadecimal digits, and the value that was tested last, because baggage is usually the same from call to call.
 */
function isFieldValue(key: string, value: unknown): boolean {
  if (typeof value !== "string") return false;
  if ((key === TRACEPARENT && value.length === 55) || value === lastValidValue) return true;
  if (!FIELD_VALUE.test(value)) return false;
  lastValidValue = value;
  return true;
}

/** Reads a record of headers, keyed in lower case. */
export const recordGetter = {
  get(carrier: Record<string, string>, key: string): string | undefined {
    const name = key.toLowerCase();
    const value = carrier[name];
    return value !== undefined && name === BAGGAGE ? dropUndecodableMembers(value) : value;
  },
  keys: (carrier: Record<string, string>): string[] => Object.keys(carrier),
};

// Characters that are parsed. A `traceparent` has 55 in version 00, and may have more in later versions.
const MAX_TRACEPARENT_LENGTH = 256;
const MAX_LENGTH = 8192;

/** Adds the context in the headers (keyed in lower case) to `base`. Headers are truncated before they are parsed. Never throws. */
export function extract(source: Propagation, headers: Record<string, string>, base: Context): Context {
  const truncated = truncateHeaders(headers);
  const read = (): Context => source.propagator.extract(base, truncated, recordGetter);
  return applyLevel2(safeCall("the propagator's extract()", read) ?? base, truncated);
}

/**
 * Received headers within the limits of W3C Trace Context (section 3.3.1.5) and W3C Baggage (section 3.3.2): a longer `traceparent` is ignored,
 * of a longer list the members that fit are kept.
 */
export function truncateHeaders(headers: Record<string, string>): Record<string, string> {
  let truncated: Record<string, string> | undefined;
  for (const name in headers) {
    const value = headers[name] as string;
    const limit = name === TRACEPARENT ? MAX_TRACEPARENT_LENGTH : MAX_LENGTH;
    if (value.length <= limit) continue;
    const end = name === TRACEPARENT ? 0 : value.lastIndexOf(",", limit);
    truncated ??= { ...headers };
    truncated[name] = value.slice(0, Math.max(0, end));
  }
  return truncated ?? headers;
}

/** Whether a context has a span or baggage that could be propagated. */
export function hasContext(context: Context): boolean {
  return trace.getSpanContext(context) !== undefined || propagation.getBaggage(context) !== undefined;
}

/**
 * The names of existing headers that injected ones replace. Trace context is replaced as a whole: a `tracestate` of another trace must not remain.
 */
export function replacedNames(headers: Record<string, string>, fields: readonly string[]): readonly string[] {
  if (fields.length === 0) return fields;
  const names = Object.keys(headers);
  return names.some((name) => name !== BAGGAGE)
    ? fields.filter((name) => name !== BAGGAGE || headers[BAGGAGE] !== undefined)
    : names;
}
