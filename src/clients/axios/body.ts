import { errorMonitor } from "node:events";
import type { Readable } from "node:stream";
import type { GenericAbortSignal } from "axios";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { followResponses, isStreamReadable } from "../../core/node/undici-channels.ts";
import { isAbandoned, watchUnconsumedStream } from "../../core/streams/unconsumed-body.ts";
import type { UnconsumedBody } from "../../core/streams/unconsumed-body.ts";
import { failAttempt } from "./failure.ts";
import { arrived } from "./transport.ts";

/** A response stream of the http adapter, or of an adapter that does likewise. */
export function isNodeStream(body: unknown): body is Readable {
  const { on, pipe, destroy } = (body ?? {}) as Partial<Readable>;
  return typeof on === "function" && typeof pipe === "function" && typeof destroy === "function";
}

/** Ends the call with the stream: with its last byte, its failure, or the application's destroying it, which is a cancel. */
export function followStream(call: ClientCall, body: Readable, signal: GenericAbortSignal | undefined): void {
  if (body.destroyed || body.readableEnded) {
    call.end();
    return;
  }
  const unfollow = (): void => {
    body.off("end", onEnd).off(errorMonitor, onError).off("close", onClose);
  };
  const onEnd = (): void => {
    unfollow();
    call.end();
  };
  const onError = (error: unknown): void => {
    unfollow();
    if (isOfExchange(error) && !isLeft(body)) failAttempt(call, error, signal);
    else call.end();
  };
  const onClose = (): void => {
    // A message that nobody listens to for errors keeps them to itself.
    if (body.errored === null) onEnd();
    else onError(body.errored);
  };
  body.on("end", onEnd).on(errorMonitor, onError).on("close", onClose);
  watchUnconsumedStream(call, body);
}

// What `pipeline` destroys a source with when the other end has gone.
const OTHER_END = new Set(["ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED", "ABORT_ERR"]);

/** Whether a stream's error tells of the exchange: those have codes; one without is what the application destroyed the stream with. */
function isOfExchange(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && !OTHER_END.has(code);
}

/** Whether a loop over the stream was left, or its pipeline broken off: Node then aborts the request, which looks like a cut otherwise. */
function isLeft(body: Readable): boolean {
  return (body as { req?: { aborted?: boolean } }).req?.aborted === true;
}

/** The end of a fetch adapter's response, as the channels tell of it: its body is a web stream, to which nobody can listen. */
export interface FetchBody {
  /** The application has the stream. */
  delivered(body: ReadableStream): void;
}

/** Follows the requests of a fetch adapter's call. Redirects are hops of the one call, as with the http adapter. */
export function followFetch(call: ClientCall, signal: GenericAbortSignal | undefined): FetchBody {
  let seen = false;
  let bodyEnded = false;
  let failure: { error: unknown } | undefined;
  let delivered: ReadableStream | undefined;
  let unread: UnconsumedBody | undefined;

  const fail = (error: unknown): void => {
    if (unread !== undefined && isAbandoned(unread)) call.end(unread.arrived);
    else if (delivered !== undefined && signal?.aborted !== true && !isStreamReadable(delivered)) call.end();
    else failAttempt(call, error, signal);
  };
  followResponses();
  call.observer = {
    onRequestCreated: () => {
      seen = true;
      bodyEnded = false;
      failure = undefined;
    },
    onConnected: (address, port, version) => call.connected(address, port, version),
    onResponseHeaders: (status, rawHeaders) => {
      if (status < 200) return;
      arrived(call, status);
      // The adapter rejects without a response if the body fails.
      call.response(status, call.config.responseHeaders.length === 0 ? undefined : textsOf(rawHeaders));
    },
    onResponseEnd: () => {
      bodyEnded = true;
      if (delivered !== undefined) call.end();
    },
    onRequestError: (error) => {
      failure = { error };
      if (delivered !== undefined) fail(error);
    },
  };
  return {
    delivered: (body) => {
      delivered = body;
      if (failure !== undefined) fail(failure.error);
      else if (!seen || bodyEnded) call.end();
      else unread = watchUnconsumedStream(call, body);
    },
  };
}

/** The headers of a channel's message, which are a flat array of buffers. */
function textsOf(rawHeaders: unknown): string[] | undefined {
  return Array.isArray(rawHeaders) ? rawHeaders.map(String) : undefined;
}
