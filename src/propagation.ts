import { SpanKind, SpanStatusCode, context as contextApi, propagation, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span } from "@opentelemetry/api";
import { ERROR_TYPE } from "./core/http/attributes.ts";
import { readHeaders, writeHeaders } from "./core/propagation/carrier.ts";
import { errorType, recordException } from "./core/http/errors.ts";
import { safeCall } from "./core/telemetry/diagnostics.ts";
import { extract, inject, propagationSource, replacedNames } from "./core/propagation/propagator.ts";
import { checkContextManager, tracerSource } from "./core/telemetry/tracer.ts";

/** Where trace context is written: an object whose properties are headers, `Headers`, a `Map`, or an array of pairs. */
export type WritableCarrier = object;

/** Where trace context is read: what is written, and node's `IncomingHttpHeaders`; nothing at all is an empty carrier. */
export type ReadableCarrier = object | null | undefined;

const source = propagationSource(undefined);
const tracer = tracerSource(undefined);

/**
 * Writes a context's trace context and baggage into a carrier, in place of what it has of them in any letter case.
 *
 * Which propagator writes: the global one if there is one, else W3C Trace Context and W3C Baggage. Never throws.
 *
 * @param carrier default: a new record. `JSON.stringify(injectTraceContext())` is what one stores in a queue.
 * @param context default: the active one.
 * @returns the carrier.
 *
 * @example
 * await queue.send({ body, trace: injectTraceContext() });
 */
export function injectTraceContext(): Record<string, string>;
export function injectTraceContext<Carrier extends WritableCarrier>(carrier: Carrier, context?: Context): Carrier;
export function injectTraceContext(carrier: WritableCarrier = {}, context: Context = contextApi.active()): WritableCarrier {
  safeCall("writing trace context", () => {
    const current = source();
    if (current === undefined) return;
    const headers = inject(current, context);
    writeHeaders(carrier, headers, replacedNames(headers, current.fields));
  });
  return carrier;
}

/**
 * Reads the trace context and baggage of a carrier, whatever the letter case of its names. Nothing of an invalid header gets in. Never
 * throws.
 *
 * @param context what to add it to; default: the active context.
 *
 * @example
 * const parent = extractTraceContext(message.headers);
 */
export function extractTraceContext(carrier: ReadableCarrier, context: Context = contextApi.active()): Context {
  const extracted = safeCall("reading trace context", () => {
    const current = source();
    const headers = current && readHeaders(carrier, current.fields);
    return headers && extract(current, headers, context);
  });
  return extracted ?? context;
}

/** Options of {@link continueTrace}. */
export interface ContinueOptions {
  /** The name of a span around the work. Default: no span. */
  name?: string | undefined;
  /** The span's kind. Default: `SpanKind.INTERNAL`; a queue's worker is a `CONSUMER`. */
  kind?: SpanKind | undefined;
  /**
   * `"parent"`: the work belongs to the caller's trace. `"link"`: it stays in the trace that is active, or begins one, and its span links to
   * the caller's; baggage goes on in both. Default: `"parent"`.
   */
  mode?: "parent" | "link" | undefined;
  /** Attributes to start the span with. */
  attributes?: Attributes | undefined;
}

/**
 * Runs work that goes on after a request or elsewhere (a queue, a database row, a background task) in the trace that a carrier tells of.
 *
 * @param fn runs in the carrier's context; with a `name`, inside a span that ends when `fn` returns or its promise settles. What it throws
 * is recorded and thrown on.
 * @returns what `fn` returns.
 *
 * @example
 * await continueTrace(message.trace, () => handle(message), { name: "handle message", kind: SpanKind.CONSUMER });
 */
export function continueTrace<Result>(carrier: ReadableCarrier, fn: () => Result, options: ContinueOptions = {}): Result {
  checkContextManager();
  const { name, mode = "parent" } = options;
  const active = contextApi.active();
  const extracted = extractTraceContext(carrier, active);
  const base = mode === "parent" ? extracted : withBaggageOf(extracted, active);
  if (name === undefined) return contextApi.with(base, fn);
  const caller = trace.getSpanContext(extracted);
  // A carrier with nothing in it leaves the active span, to which there is nothing to link.
  const links = mode === "link" && caller !== undefined && caller !== trace.getSpanContext(active) ? [{ context: caller }] : [];
  const { kind = SpanKind.INTERNAL, attributes = {} } = options;
  const span = safeCall("the tracer", () => tracer()?.startSpan(name, { kind, attributes, links }, base));
  if (span === undefined) return contextApi.with(base, fn);
  return within(span, () => contextApi.with(trace.setSpan(base, span), fn));
}

function withBaggageOf(from: Context, to: Context): Context {
  const baggage = propagation.getBaggage(from);
  return baggage === undefined ? to : propagation.setBaggage(to, baggage);
}

/** Ends the span when the work is done, now or when its promise settles. */
function within<Result>(span: Span, work: () => Result): Result {
  let result: Result;
  try {
    result = work();
  } catch (error) {
    failed(span, error);
    throw error;
  }
  if (!isThenable(result)) {
    ended(span);
    return result;
  }
  return result.then(
    (value) => {
      ended(span);
      return value;
    },
    (error: unknown) => {
      failed(span, error);
      throw error;
    },
  ) as Result;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  const then = (): unknown => (value as Partial<PromiseLike<unknown>> | null | undefined)?.then;
  return typeof safeCall("reading a result", then) === "function";
}

function ended(span: Span): void {
  safeCall("ending a span", () => span.end());
}

function failed(span: Span, error: unknown): void {
  safeCall("recording an exception", () => {
    span.setAttribute(ERROR_TYPE, errorType(error, undefined));
    span.setStatus({ code: SpanStatusCode.ERROR });
    recordException(span, error, undefined);
  });
  ended(span);
}
