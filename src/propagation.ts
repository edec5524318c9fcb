import { SpanKind, SpanStatusCode, context as contextApi, propagation, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span } from "@opentelemetry/api";
import { ERROR_TYPE } from "./core/http/attributes.ts";
import { readHeaders, writeHeaders } from "./core/propagation/carrier.ts";
import { errorType, recordException } from "./core/http/errors.ts";
import { safeCall } from "./core/telemetry/diagnostics.ts";
import { extract, inject, propagationSource, replacedNames } from "./core/propagation/propagator.ts";
import { isThenable } from "./core/telemetry/thenable.ts";
import { checkContextManager, tracerSource } from "./core/telemetry/tracer.ts";

/** Where trace context is written: an object whose properties are headers, `Headers`, a `Map`, or an array of pairs. */
export type WritableCarrier = object;

/** Where trace context is read: the same as {@link WritableCarrier}, and Node's `IncomingHttpHeaders`. Null and undefined are empty carriers. */
export type ReadableCarrier = object | null | undefined;

const source = propagationSource(undefined);
const tracer = tracerSource(undefined);

/**
 * Writes the trace context and the baggage of a context into a carrier. Existing headers of the same names, in any letter case, are replaced.
 *
 * The global propagator is used; if there is none, what `OTEL_PROPAGATORS` names, else W3C Trace Context and W3C Baggage. Never throws.
 *
 * @param carrier default: a new record, which can be stored as JSON.
 * @param context default: the active context.
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
 * Reads the trace context and the baggage of a carrier, in any letter case. Invalid headers are ignored. Headers are truncated before they are parsed, to
 * 8192 characters each. Never throws.
 *
 * @param context the context to which they are added. Default: the active context.
 * @returns the extended context.
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
  /** The name of a span for the work. Default: no span is created. */
  name?: string | undefined;
  /** The kind of the span. Default: `SpanKind.INTERNAL`. The kind of a queue's worker is `SpanKind.CONSUMER`. */
  kind?: SpanKind | undefined;
  /**
   * `"parent"`: the work continues the caller's trace. `"link"`: the work belongs to the active trace, or to a new one, and its span links to the caller's
   * span. Baggage is continued in both modes. Default: `"parent"`.
   */
  mode?: "parent" | "link" | undefined;
  /** Attributes that the span starts with. */
  attributes?: Attributes | undefined;
}

/**
 * Continues the trace of a carrier for work that runs later or elsewhere, such as a message of a queue, a database row or a background task.
 *
 * @param fn runs in the carrier's context; with a `name`, inside a span that ends when `fn` returns or its promise settles. An error is recorded and
 * rethrown.
 * @returns the result of `fn`.
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
