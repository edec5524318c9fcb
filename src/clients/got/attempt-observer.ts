import { errorMonitor } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Options } from "got";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { protocolVersion } from "../../core/http/attributes.ts";
import { watchUnconsumedStream } from "../../core/streams/unconsumed-body.ts";
import { reportFailure, safeCall } from "../../core/telemetry/diagnostics.ts";
import { isCleanUp, isSystemError, readConnection } from "./connection.ts";
import { isFollowed, redirectFailure, redirectLocation } from "./redirect.ts";
import type { TracedRequest } from "./traced-request.ts";

/**
 * Observes the request of one attempt until it ends, and records on the call how it ended:
 *
 * 1. `observe()` or `failed()`: the request function has returned the request, or has failed.
 * 2. `#responded()`: the headers of the response have arrived. There is none if the request fails or is destroyed.
 * 3. The end: the last byte, a failure, or `#destroyed()`, which decides between a cancellation by the application and a failure that got has handled.
 */
export class AttemptObserver {
  readonly #traced: TracedRequest;
  readonly #call: ClientCall;
  readonly #options: Options;
  #request: ClientRequest | undefined;

  constructor(traced: TracedRequest, call: ClientCall, options: Options) {
    this.#traced = traced;
    this.#call = call;
    this.#options = options;
  }

  /** @param result what the request function returned: a request; a request function of the application's may also return a response. */
  observe(result: unknown): void {
    if (!this.#call.mustEnd) return;
    try {
      this.#listen(result);
    } catch (error) {
      reportFailure("observing a request of got", error);
    }
  }

  #listen(result: unknown): void {
    const message = result as Partial<ClientRequest & IncomingMessage> | null | undefined;
    if (typeof message?.once !== "function") {
      this.#call.end();
    } else if (typeof message.statusCode === "number") {
      this.#responded(message as IncomingMessage);
      (message as IncomingMessage).once("close", () => this.#closed(message as IncomingMessage));
    } else {
      const request = message as ClientRequest;
      this.#request = request;
      // Each of these events occurs once, or may occur again without an effect: `once` would create two more objects for each listener.
      request.on("response", (response) => this.#responded(response));
      request.on(errorMonitor, (error) => this.failed(error));
      // Node sets `res` also for a response without an event: the answer to an upgrade.
      request.on("close", () => this.#closed((request as { res?: IncomingMessage | null }).res ?? undefined));
    }
  }

  failed(error: unknown): void {
    const code = safeCall("reading an error", codeOf, error);
    const { signal } = this.#options;
    // For a request that is destroyed without an error, Node emits ECONNRESET. Errors in making a connection for http2 have no code.
    const isLocal = code === undefined ? signal?.aborted === true : code === "ECONNRESET" && !this.#isRemote(undefined);
    if (isLocal) this.#destroyed(error);
    else this.#call.fail(error, signal);
  }

  #responded(response: IncomingMessage): void {
    const call = this.#call;
    const { responseHook } = this.#traced.config.options;
    call.response(response.statusCode as number, response.headers);
    const { remoteAddress, remotePort } = readConnection(response);
    const { socketPath } = (response as { req?: { socketPath?: string } }).req ?? {};
    call.connected(remoteAddress ?? socketPath, remotePort, protocolVersion(response.httpVersion));
    const location = redirectLocation(response);
    if (responseHook !== undefined || call.decidesByResponse || location !== undefined) {
      // got's listener is called after this one, and extends the response.
      process.nextTick(() => this.#handled(response, location));
    } else if (call.alwaysEndsWithHeaders) call.end();
    if (!call.ended) this.#observeBody(response);
  }

  /** got's own listener has handled the response. */
  #handled(response: IncomingMessage, location: string | undefined): void {
    const call = this.#call;
    call.delivered(response);
    if (location !== undefined && isFollowed(response, this.#options)) {
      this.#traced.isRedirected = true;
      const failure = redirectFailure(location, ++this.#traced.redirectCount, this.#options);
      if (failure !== undefined) call.fail(failure);
    }
    if (call.endsWithHeaders(response)) call.end();
  }

  #observeBody(response: IncomingMessage): void {
    const call = this.#call;
    const { result } = this.#traced;
    // If the stream is destroyed, a retry has replaced it with one that is not accessible from here.
    if ((result as Partial<Duplex> | undefined)?.destroyed === false) watchUnconsumedStream(call, result as Duplex);
    response.on("end", () => call.end());
    response.on("aborted", () => this.#truncated(response));
    // The http2 requests of got 14 and 15 emit nothing if they are destroyed in the middle of a response; their stream does.
    const { ["_request"]: stream } = (this.#request ?? {}) as { _request?: Duplex };
    stream?.once("close", () => {
      if (this.#request?.destroyed === true) this.#closed(response);
    });
  }

  /** The request is closed. A call that has not ended was upgraded, destroyed, or answered without being read. */
  #closed(response: IncomingMessage | undefined): void {
    if (this.#call.ended) return;
    if (response?.statusCode !== undefined) this.#call.response(response.statusCode, response.headers);
    if (response?.complete === true || response?.statusCode === 101) this.#call.end();
    else this.#truncated(response);
  }

  /** The request was closed before the whole response had arrived. */
  #truncated(response: IncomingMessage | undefined): void {
    // got may be informed of a failed connection before its request is, and destroys the request without an error.
    const errored = this.#request?.errored ?? readConnection(this.#request).errored;
    const error = errored ?? response?.errored ?? Object.assign(new Error("aborted"), { code: "ECONNRESET" });
    if (errored != null || this.#isRemote(response)) this.#call.fail(error, this.#options.signal);
    else this.#destroyed(error);
  }

  /** Whether the server or the connection has ended the request. If not, the request was destroyed by got or the application. */
  #isRemote(response: IncomingMessage | undefined): boolean {
    const request = this.#request;
    if (request === undefined || !request.destroyed) return true;
    const { errored, readableEnded } = readConnection(request);
    // Node itself destroys an HTTP/1.1 request if the server closes the connection.
    return (response?.httpVersionMajor !== 2 && readableEnded === true) || isSystemError(errored);
  }

  /** got or the application has destroyed the request, without an error: the application has cancelled it, or got has given up. */
  #destroyed(error: unknown): void {
    const { signal } = this.#options;
    if (signal?.aborted === true) this.#call.fail(signal.reason, signal);
    else if (this.#isCancelled()) this.#call.end();
    else this.#call.fail(this.#uploadError() ?? error);
  }

  /** A promise is cancelled with a signal, or in got 14 with `cancel()`; a stream is cancelled by being destroyed. */
  #isCancelled(): boolean {
    const { result } = this.#traced;
    if (isPromise(result)) return (result as { isCanceled?: boolean }).isCanceled === true;
    return (result as Partial<Duplex> | undefined)?.destroyed !== false && this.#uploadError() === undefined;
  }

  /** Why the body of the request could not be sent, as far as it is known: got's error is accessible through a stream, but not through a promise. */
  #uploadError(): unknown {
    if (this.#request?.writableEnded !== false) return undefined;
    const { result } = this.#traced;
    if (!isPromise(result)) return (result as Partial<Duplex> | undefined)?.errored ?? undefined;
    const body = this.#options.body as Partial<Duplex> | undefined;
    if (body === undefined || isCleanUp(body.errored)) return undefined;
    return body.errored ?? Object.assign(new Error("the upload was given up"), { code: "ERR_UPLOAD" });
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code;
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Partial<Promise<unknown>> | undefined)?.then === "function";
}
