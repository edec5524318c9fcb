import { isRedirect } from "../../core/calls/client-call.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ChannelRequest, RequestObserver } from "../../core/calls/request-observer.ts";
import { isError } from "../../core/http/errors.ts";
import { parseUrl } from "../../core/http/urls.ts";
import { decodeHeaders } from "../../core/node/request-headers.ts";
import { urlOfRequest } from "../../core/node/undici-requests.ts";
import { readHeader } from "../../core/propagation/carrier.ts";
import { UNCONSUMED_BODY_TIMEOUT_MS } from "../../core/streams/unconsumed-body.ts";
import { safeCall } from "../../core/telemetry/diagnostics.ts";
import { now } from "../../core/telemetry/meter.ts";

/** How much of a body undici buffers before it waits for a reader, in bytes. */
const DEFAULT_HIGH_WATER_MARK = 65_536;

/** An `AbortSignal`, or the controller that undici passes to handlers: whether and why a request was aborted. */
export interface Abortable {
  readonly aborted?: boolean;
  readonly reason?: unknown;
}

interface RequestOptions {
  readonly body?: unknown;
  readonly signal?: unknown;
  readonly highWaterMark?: number;
}

/** One dispatched request: turns what its handler and the channels report into transitions of its call. */
export class UndiciAttempt implements RequestObserver {
  readonly call: ClientCall;
  url: string;
  /** The first of the attempts that this one belongs to. */
  readonly first: UndiciAttempt;
  /** Whether it had an outcome that another attempt may follow: a failure, a redirect, an error status. */
  isRepeatable = false;
  /** Whether another attempt has followed it. */
  isRepeated = false;
  /** Returns the URL of a request whose options did not name its origin. */
  locate: ((request: ChannelRequest) => string) | undefined = undefined;

  #headersArrived = 0;
  #bytesReceived = 0;
  #wasPaused = false;
  /** The URL of the last request, if no header identifies the call. */
  #requestUrl: string | undefined = undefined;
  #timeout: NodeJS.Timeout | undefined = undefined;

  constructor(call: ClientCall, url: string, previous: UndiciAttempt | undefined) {
    this.call = call;
    this.url = url;
    this.first = previous === undefined ? this : previous.first;
  }

  /** Whether the response's headers are recorded or passed to a function of the application. */
  get wantsHeaders(): boolean {
    const { call } = this;
    return call.decidesByResponse || call.config.responseHeaders.length > 0 || call.config.options.responseHook !== undefined;
  }

  response(statusCode: number, headers: unknown, statusMessage: unknown): void {
    if (statusCode < 200) return;
    this.#responded(statusCode, headers, statusMessage);
    const { call } = this;
    if (call.endsWithHeaders(call.decidesByResponse ? { statusCode, headers, statusMessage } : undefined)) call.end();
    else if (this.call.observed) this.#headersArrived = now();
  }

  /** The connection was upgraded: from here on it belongs to the application. */
  upgraded(statusCode: number, headers: unknown): void {
    this.#responded(statusCode, headers, undefined);
    this.call.end();
  }

  #responded(statusCode: number, headers: unknown, statusMessage: unknown): void {
    const { call } = this;
    call.first.suppressing = false;
    call.response(statusCode, headers);
    if (call.config.options.responseHook !== undefined) call.delivered({ statusCode, headers, statusMessage });
  }

  data(size: number): void {
    this.#bytesReceived += size;
    this.#clearTimeout();
  }

  /**
   * The application takes no more data for now. If that happens as soon as the body's buffer is full, nothing has been read of it, and undici waits without
   * a limit. A response that stays unread ends its span at the time its headers arrived.
   *
   * @param lastSize the size of the last chunk.
   */
  paused(lastSize: number): void {
    if (this.#wasPaused || this.call.ended) return;
    this.#wasPaused = true;
    const limit = (this.call.request as RequestOptions).highWaterMark ?? DEFAULT_HIGH_WATER_MARK;
    if (this.#bytesReceived < limit || this.#bytesReceived - lastSize >= limit) return;
    this.#timeout = setTimeout(() => this.call.end(this.#headersArrived), UNCONSUMED_BODY_TIMEOUT_MS);
    this.#timeout.unref?.();
  }

  #clearTimeout(): void {
    if (this.#timeout === undefined) return;
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
  }

  ended(): void {
    this.#clearTimeout();
    this.isRepeatable = (this.call.status ?? 0) >= 300;
    this.call.end();
  }

  failed(error: unknown, controller: Abortable | null | undefined): void {
    this.#clearTimeout();
    this.isRepeatable = true;
    if (this.call.ended) return;
    safeCall("recording a failure", () => {
      const { call } = this;
      if (call.status === undefined) this.#setStatusOf(error);
      const { signal } = call.request as RequestOptions;
      // The controller also shows aborts without a signal: those of fetch, and of a body that the application destroys.
      const isAbort = isAborted(controller) && !this.#isBodyFailure(error);
      call.fail(error, (isAborted(signal) || !isAbort ? signal : controller) as AbortSignal | undefined);
    });
    this.call.end();
  }

  /**
   * Whether a request body has failed. `undici.fetch` aborts the request then, with the body's error as the reason, just as for an abort of the application,
   * whose signal it does not pass on. Of the two only the application's usual abort is an `AbortError`.
   */
  #isBodyFailure(error: unknown): boolean {
    const { body } = this.call.request as RequestOptions;
    const isGenerator = typeof (body as Partial<AsyncGenerator> | null | undefined)?.next === "function";
    return isGenerator && this.call.status === undefined && isError(error) && error.name !== "AbortError";
  }

  /** After exhausted retries, and with the `responseError` interceptor, only undici's error has the status. */
  #setStatusOf(error: unknown): void {
    const { code, statusCode, headers } = (error ?? {}) as { code?: unknown; statusCode?: unknown; headers?: unknown };
    if (typeof statusCode === "number" && typeof code === "string" && code.startsWith("UND_ERR_")) {
      this.call.response(statusCode, headers);
    }
  }

  onRequestCreated(request: ChannelRequest): void {
    if (this.call.awaitedUrls.length > 0) this.call.awaitedUrls = [];
    if (this.call.needsContext) this.#requestUrl = urlOfRequest(request);
    const url = this.locate?.(request);
    this.locate = undefined;
    if (url === undefined || url === this.url) return;
    this.url = url;
    this.call.setUrl(url);
  }

  onConnected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void {
    this.call.connected(address, port, protocolVersion);
  }

  /**
   * The handler does not see a redirect or a retry that an inner interceptor makes. If no header identifies the call, the next request is recognised by the URL
   * that the response leads to.
   */
  onResponseHeaders(status: number, rawHeaders: unknown): void {
    const url = this.#requestUrl;
    if (url === undefined || status < 300) return;
    const location = isRedirect(status) ? readHeader(decodeHeaders(rawHeaders), "location") : undefined;
    const target = location === undefined ? undefined : parseUrl(location, url);
    this.call.awaitedUrls = target === undefined ? this.#retryUrls(url) : [target.href];
  }

  onRequestError(): void {
    if (this.#requestUrl !== undefined) this.call.awaitedUrls = this.#retryUrls(this.#requestUrl);
  }

  /** A retry sends the failed request again, or the first one if it is outside of redirects. */
  #retryUrls(url: string): readonly string[] {
    return [url, this.url];
  }
}

function isAborted(signal: unknown): boolean {
  return (signal as Abortable | null | undefined)?.aborted === true;
}
