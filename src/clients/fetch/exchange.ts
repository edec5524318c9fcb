import { startCall } from "../../core/calls/start-call.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import {
  connectChannels,
  followResponses,
  thirdPartySubscribedFirst,
  isStreamReadable,
  replacePropagationHeaders,
  urlOfRequest,
} from "../../core/node/undici-channels.ts";
import type { ChannelRequest, Exchange } from "../../core/node/undici-channels.ts";
import { isAbandoned, watchUnconsumedResponse } from "../../core/streams/unconsumed-body.ts";
import type { UnconsumedBody } from "../../core/streams/unconsumed-body.ts";
import { tapEventStream } from "./tap.ts";

/**
 * One fetch as its two witnesses tell of it: the promise, which the application sees, and the channels, which see each request on the wire
 * and the end of its body. A span ends when both have said what they can.
 */
export class FetchExchange implements Exchange {
  readonly #config: ClientConfig;
  readonly #signal: AbortSignal | null | undefined;
  /** What hooks are told of each hop; nothing where there are no hooks. */
  readonly #request: unknown;
  #call: ClientCall;
  #seen = false;
  #bodyEnded = false;
  #delivered = false;
  #failure: { error: unknown } | undefined;
  #unread: UnconsumedBody | undefined;

  constructor(config: ClientConfig, call: ClientCall, signal: AbortSignal | null | undefined) {
    this.#config = config;
    this.#call = call;
    this.#signal = signal;
    this.#request = call.request;
    call.exchange = this;
    followResponses();
  }

  created(request: ChannelRequest): void {
    if (this.#seen) this.#resend(request);
    this.#seen = true;
  }

  /** A redirect's next hop, or a retry below fetch: an attempt of its own, with a `traceparent` of its own. */
  #resend(request: ChannelRequest): void {
    const previous = this.#call;
    if (this.#failure === undefined || isRedirect(previous.status)) previous.end();
    else previous.fail(this.#failure.error, this.#signal);
    const call = startCall(this.#config, request.method, urlOfRequest(request), undefined, this.#request, previous);
    if (call === undefined) return;
    call.adoptTraceparent(previous);
    call.exchange = this;
    replacePropagationHeaders(request, call);
    this.#call = call;
    this.#bodyEnded = false;
    this.#failure = undefined;
  }

  connected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void {
    this.#call.connected(address, port, protocolVersion);
  }

  headers(status: number, rawHeaders: unknown): void {
    if (status < 200) return;
    this.#call.response(status, this.#config.responseHeaders.length === 0 ? undefined : decoded(rawHeaders));
    if (isRedirect(status) && thirdPartySubscribedFirst()) this.#call.suppression.suppressing = true;
  }

  trailers(): void {
    this.#bodyEnded = true;
    if (this.#delivered) this.#call.end();
  }

  error(error: unknown): void {
    if (!this.#delivered) this.#failure = { error };
    else if (this.#unread !== undefined && isAbandoned(this.#unread)) this.#call.end(this.#unread.arrived);
    else if (this.#signal?.aborted !== true && this.#isCancelled()) this.#call.end();
    else this.#call.fail(error, this.#signal);
  }

  /** Whether the application has cancelled the body's stream: then it is closed before the connection is; else it is still readable. */
  #isCancelled(): boolean {
    const body = this.#unread?.body.deref();
    return body !== undefined && !isStreamReadable(body);
  }

  /** The promise was fulfilled. Never throws, whatever a function of somebody's own has made of a response. */
  responded(response: Response): void {
    try {
      this.#responded(response);
    } catch (error) {
      reportFailure("a response", error);
      this.#call.end();
    }
  }

  #responded(response: Response): void {
    this.#delivered = true;
    const call = this.#call;
    call.suppression.suppressing = false;
    if (!this.#seen && response.status > 0) call.response(response.status, response.headers);
    call.delivered(response);
    if (this.#failure !== undefined) call.fail(this.#failure.error, this.#signal);
    else if (this.#bodyEnded || this.#config.options.endSpanOn === "headers") call.end();
    else if (!this.#seen) this.#unseen(response);
    else if (response.body === null) call.end();
    else this.#unread = watchUnconsumedResponse(call, response, response.body);
  }

  /** The channels told nothing of this response: on Node it never was on the wire, elsewhere there are none. */
  #unseen(response: Response): void {
    if (connectChannels() || !tapEventStream(this.#call, response, this.#signal)) this.#call.end();
  }

  /** The promise was rejected, or the function threw. */
  failed(error: unknown): void {
    this.#call.fail(error, this.#signal);
  }

  /** Hands on what a fetch function returned, having looked at how it settles. */
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

function isRedirect(status: number | undefined): boolean {
  return status !== undefined && status >= 300 && status < 400;
}

/** The headers of a channel's message are a flat array of buffers. */
function decoded(rawHeaders: unknown): string[] {
  return Array.isArray(rawHeaders) ? rawHeaders.map(String) : [];
}
