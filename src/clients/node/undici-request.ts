import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ChannelRequest, RequestObserver } from "../../core/calls/request-observer.ts";
import type { ProcessTracer } from "../../core/node/process-tracer.ts";
import { decodeHeaders } from "../../core/node/request-headers.ts";
import { readHeader } from "../../core/propagation/carrier.ts";
import { watchUnconsumedStream } from "../../core/streams/unconsumed-body.ts";
import type { UnconsumedBody } from "../../core/streams/unconsumed-body.ts";
import { bodyOf, callerOf, handlersOf } from "./undici-handler.ts";
import { createProcessTracer } from "./process-tracer.ts";
import type { Configured } from "./process-tracer.ts";
import { rememberRedirect } from "./redirects.ts";
import { PipedBody, SocketBody } from "./unread-body.ts";
import type { BodySocket } from "./unread-body.ts";

/** What is used of undici's own request, beyond what the messages are documented to have. */
interface UndiciRequest extends ChannelRequest {
  readonly upgrade?: unknown;
  onUpgrade?: (...args: unknown[]) => unknown;
}

/** The attempts by the handler of their response: retries and redirects of interceptors dispatch the same handler again, in any context. */
const callsByHandler = new WeakMap<object, ClientCall>();

/** Traces the requests of undici: those of the global fetch, and of all dispatchers. */
export function createUndiciTracer(instrumentation: Configured): ProcessTracer<ChannelRequest> {
  return createProcessTracer<ChannelRequest>(instrumentation, {
    name: "undici",
    requestOf: (request) => request,
    headersOf: ({ headers }) => headers,
    previousOf: (request) =>
      handlersOf(request)
        .map((handler) => callsByHandler.get(handler))
        .find((call) => call !== undefined),
    runInContextOf: (request, run) => {
      const caller = callerOf(request);
      return caller === undefined ? run() : caller.runInAsyncScope(run);
    },
    keepHeaders: () => {},
    started: (request, call, url) => {
      for (const handler of handlersOf(request)) callsByHandler.set(handler, call);
      if (!call.mustEnd) return undefined;
      const observer = new UndiciObserver(call, request, url);
      observeUpgrade(request, call);
      return observer;
    },
  });
}

/** undici 6 and 7 report an upgrade to the handler of the response alone. */
function observeUpgrade(request: UndiciRequest, call: ClientCall): void {
  const { onUpgrade, upgrade } = request;
  if (typeof upgrade !== "string" || typeof onUpgrade !== "function") return;
  request.onUpgrade = function (...args) {
    const [status, rawHeaders] = args;
    if (typeof status === "number") call.response(status, decodeHeaders(rawHeaders));
    call.end();
    return Reflect.apply(onUpgrade, this, args);
  };
}

/** Follows one request of undici to the end of its response's body. */
class UndiciObserver implements RequestObserver {
  readonly #call: ClientCall;
  readonly #request: ChannelRequest;
  readonly #url: string;
  #isSent = false;
  #socket: BodySocket | undefined = undefined;
  #body: PipedBody | SocketBody | undefined = undefined;
  #unconsumed: UnconsumedBody | undefined = undefined;

  constructor(call: ClientCall, request: ChannelRequest, url: string) {
    this.#call = call;
    this.#request = request;
    this.#url = url;
  }

  onRequestCreated(): void {}

  onConnected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void {
    this.#call.connected(address, port, protocolVersion);
  }

  onSocket(socket: object): void {
    this.#socket = socket;
  }

  onRequestSent(): void {
    this.#isSent = true;
  }

  onResponseHeaders(status: number, rawHeaders: unknown): void {
    const call = this.#call;
    if (call.ended || (status < 200 && status !== 101)) return;
    const { options, responseHeaders } = call.config;
    const headers = responseHeaders.length > 0 || status >= 300 ? decodeHeaders(rawHeaders) : undefined;
    call.response(status, headers);
    const isSeen = options.responseHook !== undefined || call.decidesByResponse;
    const response = isSeen ? { statusCode: status, headers: recordOf(decodeHeaders(rawHeaders)) } : undefined;
    call.delivered(response);
    rememberRedirect(call, this.#url, status, readHeader(headers, "location"));
    if (status === 101 || call.endsWithHeaders(response)) call.end();
    // The client makes the stream of the body after this.
    else queueMicrotask(() => this.#watchBody());
  }

  #watchBody(): void {
    if (this.#call.ended) return;
    const body = bodyOf(this.#request);
    this.#body = body === undefined ? this.#socket && new SocketBody(this.#socket) : new PipedBody(body);
    if (this.#body !== undefined) this.#unconsumed = watchUnconsumedStream(this.#call, this.#body);
  }

  onResponseEnd(): void {
    this.#call.end();
  }

  onRequestError(error: unknown): void {
    if (!this.#isCancellation(error)) this.#call.fail(error);
    else if (this.#body?.readableFlowing === null) this.#call.end(this.#unconsumed?.arrived);
    else this.#call.end();
  }

  /**
   * Whether the application has cancelled the request. The channels do not show its signal: after the request was sent, an error without a code can only be
   * the reason of an abort.
   */
  #isCancellation(error: unknown): boolean {
    const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
    if (name === "AbortError") return true;
    return this.#isSent && typeof code !== "string" && name !== "TimeoutError";
  }
}

function recordOf(flat: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = (flat[i] as string).toLowerCase();
    const value = flat[i + 1] as string;
    const existing = headers[name];
    headers[name] = existing === undefined ? value : [existing, value].flat();
  }
  return headers;
}
