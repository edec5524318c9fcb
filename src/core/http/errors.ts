import { SpanStatusCode } from "@opentelemetry/api";
import type { Span, SpanStatus } from "@opentelemetry/api";
import { redactUrlsInText } from "./redaction.ts";

const IDENTIFIER = /^[A-Za-z][A-Za-z0-9_]{1,63}$/;
const MAX_CAUSE_DEPTH = 8;
const MAX_ERRORS_INSPECTED = 64;

/**
 * `error.type` of a failure: the `code` of the error or of one of its causes, else its class name, else `_OTHER`. Never a message, never a
 * number.
 *
 * @param signal that of the request. Its timeout, if it caused the failure, is reported instead of the `AbortError` that clients throw then.
 */
export function errorType(error: unknown, signal?: AbortSignal | null): string {
  try {
    const failure: unknown = isTimeout(signal) ? signal.reason : error;
    return errorCode(failure, MAX_CAUSE_DEPTH, { left: MAX_ERRORS_INSPECTED }) ?? className(failure) ?? "_OTHER";
  } catch {
    return "_OTHER"; // A getter of the error threw.
  }
}

function isTimeout(signal: AbortSignal | null | undefined): signal is AbortSignal {
  try {
    return nameOf(signal?.reason) === "TimeoutError";
  } catch {
    return false; // A getter of the reason threw.
  }
}

/** @param budget how many more errors may be inspected: nested `AggregateError`s branch. */
function errorCode(error: unknown, depth: number, budget: { left: number }): string | undefined {
  if (typeof error !== "object" || error === null || depth === 0 || budget.left-- <= 0) return undefined;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === "string" && IDENTIFIER.test(code)) return code;
  const causeCode = errorCode(cause, depth - 1, budget);
  if (causeCode !== undefined || !Array.isArray(errors)) return causeCode;
  for (const inner of errors.slice(0, MAX_CAUSE_DEPTH)) {
    const innerCode = errorCode(inner, depth - 1, budget);
    if (innerCode !== undefined) return innerCode;
  }
  return undefined;
}

function className(error: unknown): string | undefined {
  if (!isError(error)) return undefined;
  const { name } = error;
  if (typeof name === "string" && name !== "Error" && IDENTIFIER.test(name)) return name;
  const constructorName: unknown = error.constructor?.name;
  return typeof constructorName === "string" && IDENTIFIER.test(constructorName) ? constructorName : "Error";
}

/** Whether a value is an error; errors of another realm and `DOMException`s are included. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]" || isDomException(value);
}

function isDomException(value: unknown): boolean {
  return typeof DOMException === "function" && value instanceof DOMException;
}

/**
 * Whether a failure is a cancellation, which is not an error of the call. If the signal has been aborted, its reason decides; otherwise any
 * `AbortError` is a cancellation. A timeout is an error.
 */
export function isCancellation(error: unknown, signal: AbortSignal | null | undefined): boolean {
  try {
    if (signal?.aborted !== true) return nameOf(error) === "AbortError";
    if (nameOf(signal.reason) === "TimeoutError") return false;
    return isReason(error, signal.reason) || nameOf(error) === "AbortError" || causeOf(error) === signal.reason;
  } catch {
    return false; // A getter of the error threw.
  }
}

/** Cloudflare rejects with a copy of the reason: an error keeps its name and message, and a string becomes an error's message. */
function isReason(error: unknown, reason: unknown): boolean {
  if (error === reason) return true;
  if (!isError(error)) return false;
  return isError(reason) ? error.name === reason.name && error.message === reason.message : error.message === reason;
}

const recordedExceptions = new WeakSet<object>();

/** Whether an error, or one of its causes, is recorded on a span already: an exception is recorded once (OpenTelemetry, recording errors). */
export function isRecordedException(error: unknown): boolean {
  try {
    let current = error;
    for (let depth = 0; depth < MAX_CAUSE_DEPTH; depth++) {
      if (typeof current !== "object" || current === null) return false;
      if (recordedExceptions.has(current)) return true;
      current = causeOf(current);
    }
  } catch {
    // A getter of the error threw.
  }
  return false;
}

/** The description of a span's status for an error: its message, in which secrets in URLs are redacted. */
export function statusDescription(error: unknown, sensitive: RegExp | undefined): string {
  return redactUrlsInText(String(isError(error) ? error.message : error), sensitive);
}

/** The status of a span that has failed. */
export function errorStatus(description: string | undefined): SpanStatus {
  return description === undefined ? { code: SpanStatusCode.ERROR } : { code: SpanStatusCode.ERROR, message: description };
}

/** Adds an exception event to a span. Secrets in the URLs of the error's message and stack are redacted. */
export function recordException(span: Span, error: unknown, sensitive: RegExp | undefined): void {
  if (typeof error === "object" && error !== null) recordedExceptions.add(error);
  if (!isError(error)) {
    span.recordException(redactUrlsInText(String(error), sensitive));
    return;
  }
  const { message, stack } = error as { message: unknown; stack?: unknown };
  span.recordException({
    name: typeof error.name === "string" ? error.name : "Error",
    message: redactUrlsInText(String(message), sensitive),
    ...(typeof stack === "string" && { stack: redactUrlsInText(stack, sensitive) }),
  });
}

function nameOf(value: unknown): unknown {
  return (value as { name?: unknown } | null | undefined)?.name;
}

function causeOf(value: unknown): unknown {
  return (value as { cause?: unknown } | null | undefined)?.cause;
}
