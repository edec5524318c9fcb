import { isRedirect } from "../../core/calls/client-call.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import type { ChannelRequest, RequestObserver } from "../../core/calls/request-observer.ts";
import { startCall } from "../../core/calls/start-call.ts";
import {
  connectChannels,
  followResponses,
  isStreamReadable,
  replacePropagationHeaders,
  thirdPartySubscribedFirst,
} from "../../core/node/undici-channels.ts";
import { decodeHeaders } from "../../core/node/request-headers.ts";
import { urlOfRequest } from "../../core/node/undici-requests.ts";
import { isAbandoned, watchUnconsumedResponse } from "../../core/streams/unconsumed-body.ts";
import type { UnconsumedBody } from "../../core/streams/unconsumed-body.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import { followEventStream } from "./event-stream.ts";

/**
 * The life of one fetch, from two sources: the promise, which the application sees, and undici's channels, which show each request on the wire and the
 * end of its body. A span ends when both have reported what they can.
 */
export class FetchLifecycle implements RequestObserver {
  readonly #config: ClientConfig;
  readonly #signal: AbortSignal | null | undefined;
  /** The request as the hooks receive it, for each hop. */
  readonly #request: unknown;
  #call: ClientCall;
  /** Whether the channels have reported a request. */
  #hasRequest = false;
  #hasBodyEnded = false;
  /** Whether the application has the response. */
  #isDelivered = false;
  #failure: { error: unknown } | undefined = undefined;
  #unconsumed: UnconsumedBody | undefined = undefined;

  constructor(config: ClientConfig, call: ClientCall, signal: AbortSignal | null | undefined) {
    this.#config = config;
    this.#call = call;
    this.#signal = signal;
    this.#request = call.request;
    call.observer = this;
    followResponses();
  }

  onRequestCreated(request: ChannelRequest): void {
    if (this.#hasRequest && this.#call.observed) this.#resend(request);
    this.#hasRequest = true;
  }

  /** The next hop of a redirect, or a retry by a dispatcher: a new attempt with its own `traceparent`. */
  #resend(request: ChannelRequest): void {
    const previous = this.#call;
    if (this.#failure === undefined || isRedirect(previous.status)) previous.end();
    else previous.fail(this.#failure.error, this.#signal);
    const url = urlOfRequest(request);
    const call = startCall(this.#config, { method: request.method, url, headers: undefined, request: this.#request, previous });
    if (call === undefined) return;
    call.adoptTraceparent(previous);
    call.observer = this;
    replacePropagationHeaders(request, call);
    this.#call = call;
    this.#hasBodyEnded = false;
    this.#failure = undefined;
  }

  onConnected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void {
    this.#call.connected(address, port, protocolVersion);
  }

  onResponseHeaders(status: number, rawHeaders: unknown): void {
    if (status < 200) return;
    this.#call.response(status, this.#config.responseHeaders.length === 0 ? undefined : decodeHeaders(rawHeaders));
    if (isRedirect(status) && thirdPartySubscribedFirst()) this.#call.first.suppressing = true;
  }

  onResponseEnd(): void {
    this.#hasBodyEnded = true;
    if (this.#isDelivered) this.#call.end();
  }

  onRequestError(error: unknown): void {
    if (!this.#isDelivered) this.#failure = { error };
    else if (this.#unconsumed !== undefined && isAbandoned(this.#unconsumed)) this.#call.end(this.#unconsumed.arrived);
    else if (this.#signal?.aborted !== true && this.#isBodyCancelled()) this.#call.end();
    else this.#call.fail(error, this.#signal);
  }

  /** A body's stream that the application cancels is closed before its connection is; otherwise it is still readable. */
  #isBodyCancelled(): boolean {
    const body = this.#unconsumed?.body.deref();
    return body !== undefined && !isStreamReadable(body);
  }

  /** The promise was fulfilled. Never throws, even if a fetch function of the application has returned something that is not a response. */
  responded(response: Response): void {
    try {
      this.#responded(response);
    } catch (error) {
      reportFailure("following a response", error);
      this.#call.end();
    }
  }

  #responded(response: Response): void {
    this.#isDelivered = true;
    const call = this.#call;
    call.first.suppressing = false;
    if (!call.observed) {
      call.end();
      return;
    }
    if (!this.#hasRequest && response.status > 0) call.response(response.status, response.headers);
    call.delivered(response);
    if (this.#failure !== undefined) call.fail(this.#failure.error, this.#signal);
    else if (call.endsWithHeaders(response) || this.#hasBodyEnded) call.end();
    else if (!this.#hasRequest) this.#respondedOffTheWire(response);
    else if (response.body === null) call.end();
    else this.#unconsumed = watchUnconsumedResponse(call, response, response.body);
  }

  /** The channels have reported no request: on Node the response was not on the wire, and other platforms have no channels. */
  #respondedOffTheWire(response: Response): void {
    if (connectChannels() || !followEventStream(this.#call, response, this.#signal)) this.#call.end();
  }

  /** The promise was rejected, or the function threw. */
  failed(error: unknown): void {
    this.#call.fail(error, this.#signal);
  }

  /** Follows what a fetch function returned, and returns it to the application. */
  settled(result: Promise<Response>): Promise<Response> {
    if (typeof result?.then !== "function") {
      this.responded(result as unknown as Response);
      return result;
    }
    return result.then(
      (response) => {
        this.responded(response);
        return response;
      },
      (error: unknown) => {
        this.failed(error);
        throw error;
      },
    );
  }
}
