import type { AxiosResponse, GenericAbortSignal } from "axios";
import { isError } from "../../core/http/errors.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";

/** What axios rejects with, as far as it is looked at. */
interface Failure {
  readonly code?: unknown;
  readonly name?: unknown;
  readonly __CANCEL__?: unknown;
  readonly cause?: unknown;
  readonly response?: AxiosResponse;
}

/** The response that a rejection tells of, if one arrived. */
export function responseOf(error: unknown): AxiosResponse | undefined {
  return (error as Failure | null | undefined)?.response ?? undefined;
}

/** Whether a rejection is of a response that came whole: then it is for its status, which is no failure of the exchange. */
export function isWhole(response: AxiosResponse | undefined): boolean {
  return response !== undefined && "data" in response;
}

/**
 * Whether a rejection is the application's own cancel. `AbortController`, `CancelToken` and `AbortSignal.timeout` all come as one: only
 * the signal's reason tells that it was a timeout.
 */
export function isCancel(error: unknown, signal: GenericAbortSignal | undefined): boolean {
  const { code, name, __CANCEL__ } = (error ?? {}) as Failure;
  if (__CANCEL__ !== true && code !== "ERR_CANCELED" && name !== "CanceledError") return false;
  const reason = (signal as Partial<AbortSignal> | undefined)?.reason as { name?: unknown } | undefined;
  return signal?.aborted !== true || reason?.name !== "TimeoutError";
}

/** Ends the call with a failure, or with a cancel. */
export function failAttempt(call: ClientCall, error: unknown, signal: GenericAbortSignal | undefined): void {
  if (isCancel(error, signal)) call.end();
  else call.fail(causeOf(error), signal as AbortSignal | undefined);
}

/** The fetch adapter says no more of a failure than that it was the network's: what failed is its cause, if that is an error. */
function causeOf(error: unknown): unknown {
  const { code, cause } = (error ?? {}) as Failure;
  return code === "ERR_NETWORK" && isError(cause) ? cause : error;
}
