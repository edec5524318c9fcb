import type { Context } from "@opentelemetry/api";
import { sharedSymbol } from "../telemetry/shared-state.ts";

const A2A_CLIENT_KEY = sharedSymbol("a2a-client");

/** Marks a context as that of an A2A CLIENT span, for the HTTP CLIENT spans below it. */
export function markA2AClient(context: Context): Context {
  return context.setValue(A2A_CLIENT_KEY, true);
}

/** Removes the mark: what a request handler does belongs to an A2A CLIENT span of its caller no more. */
export function unmarkA2AClient(context: Context): Context {
  return isBelowA2AClient(context) ? context.deleteValue(A2A_CLIENT_KEY) : context;
}

/** Whether an A2A CLIENT span of this package, from any copy, records the A2A call that a request belongs to. */
export function isBelowA2AClient(context: Context): boolean {
  return context.getValue(A2A_CLIENT_KEY) === true;
}
