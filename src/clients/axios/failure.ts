import type { AxiosResponse, GenericAbortSignal } from "axios";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { isError } from "../../core/http/errors.ts";

/** The properties of a rejection that are read. */
interface Rejection {
  readonly code?: unknown;
  readonly name?: unknown;
  readonly __CANCEL__?: unknown;
  readonly cause?: unknown;
  readonly request?: unknown;
  readonly response?: AxiosResponse;
}

/** The response that a rejection has, if one arrived. */
export function responseOf(reason: unknown): AxiosResponse | undefined {
  return (reason as Rejection | null | undefined)?.response ?? undefined;
}

/** The request of the adapter that a rejection has. */
export function adapterRequestOf(reason: unknown): unknown {
  return (reason as Rejection | null | undefined)?.request;
}

/** Whether a response is complete: then the request was rejected for its status alone, and the exchange has not failed. */
export function isComplete(response: AxiosResponse | undefined): boolean {
  return response !== undefined && "data" in response;
}

/**
 * Whether the application has cancelled the request. axios rejects in the same way for `AbortController`, `CancelToken` and `AbortSignal.timeout`; the reason
 * of the signal shows whether it was a timeout.
 */
export function isCancel(reason: unknown, signal: GenericAbortSignal | undefined): boolean {
  const { code, name, __CANCEL__ } = (reason ?? {}) as Rejection;
  if (__CANCEL__ !== true && code !== "ERR_CANCELED" && name !== "CanceledError") return false;
  const abortReason = (signal as Partial<AbortSignal> | undefined)?.reason as { name?: unknown } | undefined;
  return signal?.aborted !== true || abortReason?.name !== "TimeoutError";
}

/** Ends a call that was rejected: with the failure, or without one if it was cancelled. */
export function endFailedCall(call: ClientCall, reason: unknown, signal: GenericAbortSignal | undefined): void {
  if (isCancel(reason, signal)) call.end();
  else call.fail(unwrapNetworkError(reason), signal as AbortSignal | undefined);
}

/** For any failure of the network, the fetch adapter rejects with the code ERR_NETWORK; the cause shows what has failed. */
function unwrapNetworkError(reason: unknown): unknown {
  const { code, cause } = (reason ?? {}) as Rejection;
  return code === "ERR_NETWORK" && isError(cause) ? cause : reason;
}
