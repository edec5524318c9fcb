import { errorMonitor } from "node:events";
import type { Readable } from "node:stream";
import type { GenericAbortSignal } from "axios";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { watchUnconsumedStream } from "../../core/streams/unconsumed-body.ts";
import { endFailedCall } from "./failure.ts";

/** Whether a response body is a stream of the http adapter, or of an adapter that returns one like it. */
export function isNodeStream(body: unknown): body is Readable {
  const { on, pipe, destroy } = (body ?? {}) as Partial<Readable>;
  return typeof on === "function" && typeof pipe === "function" && typeof destroy === "function";
}

/** Ends the call with the stream: with its last byte, with its failure, or when the application destroys it, which is a cancellation. */
export function endWithStream(call: ClientCall, body: Readable, signal: GenericAbortSignal | undefined): void {
  if (body.destroyed || body.readableEnded) {
    call.end();
    return;
  }
  const removeListeners = (): void => {
    body.off("end", onEnd).off(errorMonitor, onError).off("close", onClose);
  };
  const onEnd = (): void => {
    removeListeners();
    call.end();
  };
  const onError = (error: unknown): void => {
    removeListeners();
    if (isTransportError(error) && !isRequestAborted(body)) endFailedCall(call, error, signal);
    else call.end();
  };
  const onClose = (): void => {
    // A message without a listener for errors stores its error and does not emit it.
    if (body.errored === null) onEnd();
    else onError(body.errored);
  };
  body.on("end", onEnd).on(errorMonitor, onError).on("close", onClose);
  watchUnconsumedStream(call, body);
}

// `pipeline` destroys a source with one of these if the destination has failed.
const PIPELINE_ERRORS = new Set(["ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED", "ABORT_ERR"]);

/** Whether an error came from the transport: those have codes. One without a code is what the application destroyed the stream with. */
function isTransportError(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && !PIPELINE_ERRORS.has(code);
}

/** Whether Node has aborted the request because a loop over the stream was left or its pipeline failed. It has the same error as for a broken connection. */
function isRequestAborted(body: Readable): boolean {
  return (body as { req?: { aborted?: boolean } }).req?.aborted === true;
}
