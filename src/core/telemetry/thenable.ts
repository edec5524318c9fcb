import { safeCall } from "./diagnostics.ts";

/** Whether a value is a promise or another thenable. A getter `then` that throws is logged, and counts as none. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  const then = (): unknown => (value as Partial<PromiseLike<unknown>> | null | undefined)?.then;
  return typeof safeCall("reading a result", then) === "function";
}
