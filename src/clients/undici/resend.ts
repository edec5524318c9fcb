import { context, createContextKey } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { isRedirect } from "../../core/calls/client-call.ts";
import type { UndiciAttempt } from "./attempt.ts";

const ATTEMPT_KEY = createContextKey("a2a-otel undici attempt");

/** By handler, what was last dispatched with it and may be dispatched again: an attempt, or the URL of a suppressed request. */
const lastDispatches = new WeakMap<object, UndiciAttempt | string>();
let hasLastDispatches = false;

function remember(handler: object, dispatched: UndiciAttempt | string): void {
  lastDispatches.set(handler, dispatched);
  hasLastDispatches = true;
}

export function rememberSuppressed(handler: object, url: string): void {
  remember(handler, url);
}

/** Runs a callback of a handler so that a request which it dispatches, now or later, is recognised as the attempt's re-send. */
export function runForResend<Args extends unknown[], Result>(
  attempt: UndiciAttempt,
  callback: (...args: Args) => Result,
  handler: object,
  ...args: Args
): Result {
  remember(handler, attempt);
  return context.with(attempt.call.parent.setValue(ATTEMPT_KEY, attempt), callback, handler, ...args);
}

/**
 * The attempt that a request re-sends. A retry or a redirect dispatches its handler again or, if one is composed over the other, a new handler from a
 * callback; on a warm socket that runs in the async context of any other request.
 */
export function findPreviousAttempt(handler: object, method: string, url: string): UndiciAttempt | "suppressed" | undefined {
  if (!hasLastDispatches) return undefined;
  const last = lastDispatches.get(handler);
  if (typeof last === "string") return last === url ? "suppressed" : undefined;
  const attempt = last ?? (context.active().getValue(ATTEMPT_KEY) as UndiciAttempt | undefined);
  if (attempt === undefined || !attempt.isRepeatable || attempt.isRepeated) return undefined;
  if (last === undefined && !isResendOf(attempt, method, url)) return undefined;
  attempt.isRepeated = true;
  return attempt;
}

/**
 * The active context without a failed attempt from whose callback an unrelated request is dispatched; undefined if there is none. An application
 * that always sends its next request from there would otherwise build a chain of all attempts.
 */
export function contextWithoutAttempt(): Context | undefined {
  if (!hasLastDispatches) return undefined;
  const active = context.active();
  return active.getValue(ATTEMPT_KEY) === undefined ? undefined : active.deleteValue(ATTEMPT_KEY);
}

/** Whether a request follows a redirect, repeats the attempt, or starts again with the first one. */
function isResendOf({ call, url, first }: UndiciAttempt, nextMethod: string, nextUrl: string): boolean {
  if (isRedirect(call.status)) return true;
  return (url === nextUrl && call.method === nextMethod) || (first.url === nextUrl && first.call.method === nextMethod);
}
