/** The adapter of CONTRIBUTING.md, for a client that is one function. It shows what every adapter does, and nothing else. */
// #region readme
import { context } from "@opentelemetry/api";
import { clientConfig } from "../../src/core/calls/client-config.ts";
import type { ClientConfig } from "../../src/core/calls/client-config.ts";
import { isTracingActive, startCall } from "../../src/core/calls/start-call.ts";
import { withHeaders } from "../../src/core/propagation/carrier.ts";
import type { ClientOptions } from "../../src/core/telemetry/options.ts";

/** Wraps the `send` function of the client "example". */
export function wrapSend(send: Send, options: ClientOptions<SendRequest, SendResponse> = {}): Send {
  const config = clientConfig("wrapSend", options); // 1. checks the options, and throws for an invalid one
  return (request) => (isTracingActive(config) ? sendTraced(send, config, request) : send(request));
}

function sendTraced(send: Send, config: ClientConfig, request: SendRequest): Promise<SendResponse> {
  const { method, url, headers, signal } = request;
  const call = startCall(config, { method, url, headers, request }); // 2. starts the span and determines the headers
  if (call === undefined) return send(request); // ignored, suppressed, or already traced
  const sent = { ...request }; // 3. a copy, because the caller's request must not change
  if (call.headers !== undefined) {
    sent.headers = withHeaders(headers, call.headers, call.replaced) as Record<string, string>;
  }
  call.first.suppressing = true; // 4. other instrumentation below finds tracing suppressed while the request is created
  const result = context.with(call.context, send, undefined, sent);
  call.first.suppressing = false;
  return result.then(
    (response) => {
      call.response(response.status, response.headers); // 5. records the response
      call.delivered(response); //                            calls responseHook
      call.end(); //                                          ends the span; later, if the body is a stream
      return response;
    },
    (error: unknown) => {
      call.fail(error, signal); // records the error, unless the caller's signal cancelled the request
      throw error;
    },
  );
}
// #endregion

export interface SendRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export interface SendResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export type Send = (request: SendRequest) => Promise<SendResponse>;
