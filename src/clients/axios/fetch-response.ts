import { decodeHeaders } from "../../core/node/request-headers.ts";
import { followResponses, isStreamReadable } from "../../core/node/undici-channels.ts";
import { isAbandoned, watchUnconsumedStream } from "../../core/streams/unconsumed-body.ts";
import type { UnconsumedBody } from "../../core/streams/unconsumed-body.ts";
import { endFailedCall } from "./failure.ts";
import { recordHeadersTime } from "./headers-time.ts";
import { startHop } from "./hops.ts";
import type { Redirectable } from "./hops.ts";

/** The response of the fetch adapter, whose body is a web stream: those have no events, so its end is observed in undici's channels. */
export interface FetchResponse {
  /** The application has received the body as a stream: the call ends with it. */
  delivered(body: ReadableStream): void;
}

/** Observes the requests of an attempt of the fetch adapter. */
export function observeFetchResponse(attempt: Redirectable): FetchResponse {
  const { signal } = attempt.request;
  let wasRequestCreated = false;
  let hasBodyEnded = false;
  let failure: { error: unknown } | undefined;
  let delivered: ReadableStream | undefined;
  let unconsumed: UnconsumedBody | undefined;

  const fail = (error: unknown): void => {
    const { call } = attempt;
    if (unconsumed !== undefined && isAbandoned(unconsumed)) call.end(unconsumed.arrived);
    else if (delivered !== undefined && signal?.aborted !== true && !isStreamReadable(delivered)) call.end();
    else endFailedCall(call, error, signal);
  };
  followResponses();
  attempt.call.observer = {
    onRequestCreated: (request) => {
      if (wasRequestCreated && attempt.call.observed) startHop(attempt, request);
      wasRequestCreated = true;
      hasBodyEnded = false;
      failure = undefined;
    },
    onConnected: (address, port, version) => attempt.call.connected(address, port, version),
    onResponseHeaders: (status, rawHeaders) => {
      if (status < 200) return;
      const { call } = attempt;
      recordHeadersTime(call, status);
      // The adapter rejects without a response if the body fails.
      call.response(status, call.config.responseHeaders.length === 0 ? undefined : decodeHeaders(rawHeaders));
    },
    onResponseEnd: () => {
      hasBodyEnded = true;
      if (delivered !== undefined) attempt.call.end();
    },
    onRequestError: (error) => {
      failure = { error };
      if (delivered !== undefined) fail(error);
    },
  };
  return {
    delivered: (body) => {
      const { call } = attempt;
      delivered = body;
      if (failure !== undefined) fail(failure.error);
      else if (!wasRequestCreated || hasBodyEnded) call.end();
      else unconsumed = watchUnconsumedStream(call, body);
    },
  };
}
