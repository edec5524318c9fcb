import type { Span } from "@opentelemetry/api";
import { errorType, isError, redactText } from "./attributes.ts";

/**
 * Whether a failure is the caller's own cancel, which is no error. The signal decides; without one that was aborted, an `AbortError` is
 * somebody's cancel too. A timeout is an error.
 */
export function isCancellation(error: unknown, signal: AbortSignal | null | undefined): boolean {
  try {
    if (signal?.aborted !== true) return nameOf(error) === "AbortError";
    if (nameOf(signal.reason) === "TimeoutError") return false;
    return isReason(error, signal.reason) || nameOf(error) === "AbortError" || causeOf(error) === signal.reason;
  } catch {
    return false; // a getter of the error's own threw
  }
}

/** Cloudflare rejects with a copy of the reason, which keeps an error's name and message, and makes an error of a text. */
function isReason(error: unknown, reason: unknown): boolean {
  if (error === reason) return true;
  if (!isError(error)) return false;
  return isError(reason) ? error.name === reason.name && error.message === reason.message : error.message === reason;
}

/** `error.type` of a failure: of the timeout that caused it, if one did, for clients report timeouts as cancels. */
export function errorTypeOf(error: unknown, signal: AbortSignal | null | undefined): string {
  try {
    if (nameOf(signal?.reason) === "TimeoutError") return errorType(signal?.reason);
  } catch {
    // A getter of the reason's own threw.
  }
  return errorType(error);
}

/** Puts an exception event on a span, without the secrets of URLs in its message. */
export function recordFailure(span: Span, error: unknown, sensitive: RegExp | undefined): void {
  if (!isError(error)) {
    span.recordException(redactText(String(error), sensitive));
    return;
  }
  const { message, stack } = error as { message: unknown; stack?: unknown };
  span.recordException({
    name: errorName(error),
    message: redactText(String(message), sensitive),
    ...(typeof stack === "string" && { stack: redactText(stack, sensitive) }),
  });
}

function errorName(error: Error): string {
  return typeof error.name === "string" ? error.name : "Error";
}

function nameOf(value: unknown): unknown {
  return (value as { name?: unknown } | null | undefined)?.name;
}

function causeOf(value: unknown): unknown {
  return (value as { cause?: unknown } | null | undefined)?.cause;
}
