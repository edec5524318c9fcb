import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { RequestObserver } from "../../core/calls/request-observer.ts";
import type { HttpChannelRequest } from "../../core/node/http-requests.ts";
import type { ProcessTracer } from "../../core/node/process-tracer.ts";
import { watchUnconsumedStream } from "../../core/streams/unconsumed-body.ts";
import { createProcessTracer } from "./process-tracer.ts";
import type { Configured } from "./process-tracer.ts";
import { rememberRedirect } from "./redirects.ts";
import { PipedBody } from "./unread-body.ts";

/** Traces the requests of `node:http` and `node:https`. */
export function createHttpTracer(instrumentation: Configured): ProcessTracer<HttpChannelRequest> {
  return createProcessTracer<HttpChannelRequest>(instrumentation, {
    name: "http",
    requestOf: ({ request }) => request,
    headersOf: ({ readable }) => readable,
    previousOf: () => undefined,
    runInContextOf: (_, run) => run(),
    keepHeaders: (request, names) => request.keepHeaders(names),
    started: ({ request }, call, url) =>
      call.mustEnd ? new HttpObserver(call, request as unknown as ClientRequest, url) : undefined,
  });
}

/**
 * Follows one request of `node:http` to the end of its response's body. It adds no listener for `response`, `upgrade`, `data` or `error`: those change
 * what Node does.
 */
class HttpObserver implements RequestObserver {
  readonly #call: ClientCall;
  readonly #request: ClientRequest;
  readonly #url: string;
  #socket: Socket | undefined = undefined;
  readonly #onClose = (): void => this.#closed();
  #hasTimedOut = false;
  #body: PipedBody | undefined = undefined;

  constructor(call: ClientCall, request: ClientRequest, url: string) {
    this.#call = call;
    this.#request = request;
    this.#url = url;
    request.on("timeout", () => {
      this.#hasTimedOut = true;
    });
    request.on("close", this.#onClose);
  }

  onRequestCreated(): void {}

  onConnected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void {
    this.#call.connected(address, port, protocolVersion);
  }

  onResponseHeaders(status: number, rawHeaders: unknown): void {
    const call = this.#call;
    const { res: response } = this.#request as unknown as { res: IncomingMessage };
    this.#socket = response.socket;
    call.response(status, rawHeaders);
    call.delivered(response);
    rememberRedirect(call, this.#url, status, status >= 300 ? response.headers.location : undefined);
    if (call.endsWithHeaders(response)) call.end();
    if (call.ended) return;
    response.on("end", () => call.end());
    response.on("close", this.#onClose);
    // Most responses have been read by then.
    queueMicrotask(() => this.#watchBody(response));
  }

  #watchBody(response: IncomingMessage): void {
    if (this.#call.ended) return;
    this.#body = new PipedBody(response);
    watchUnconsumedStream(this.#call, this.#body);
  }

  onRequestError(error: unknown): void {
    const call = this.#call;
    const { cause, code, syscall } = (error ?? {}) as { cause?: { name?: unknown }; code?: unknown; syscall?: unknown };
    // An abort by a signal has the signal's reason as its cause.
    if (cause?.name === "TimeoutError") call.fail(error, { aborted: true, reason: cause } as unknown as AbortSignal);
    else if (isCancellation(error)) call.end();
    else if (code === "ECONNRESET" && syscall === undefined && this.#request.destroyed) this.#destroyed(error);
    else call.fail(error);
  }

  /** The request or its response is closed. A call that has not ended was upgraded, cut off or destroyed. */
  #closed(): void {
    const call = this.#call;
    if (call.ended) return;
    const { res: response } = this.#request as unknown as { res: IncomingMessage | null };
    if (response === null || response === undefined) this.#destroyed(undefined);
    else if (response.statusCode === 101) this.#upgraded(response);
    else if (!response.complete) this.#truncated(response);
    // The application may still read what has arrived.
    else if (response.destroyed) call.end();
  }

  #upgraded({ httpVersion, rawHeaders }: IncomingMessage): void {
    const { remoteAddress, remotePort } = this.#request.socket ?? {};
    this.#call.connected(remoteAddress, remotePort, httpVersion);
    this.#call.response(101, rawHeaders);
    this.#call.end();
  }

  #truncated(response: IncomingMessage): void {
    const socket = this.#socket;
    const failure = socket?.errored ?? response.errored;
    // Node reports the end of a connection and the application's `destroy()` with the same error.
    const isRemote = socket?.readableEnded === true || (failure as NodeJS.ErrnoException | undefined)?.syscall !== undefined;
    if (isRemote) this.#call.fail(failure ?? connectionReset());
    else if (failure !== null && failure !== undefined && !isReset(failure) && !isCancellation(failure)) this.#call.fail(failure);
    else this.#destroyed(failure ?? undefined);
  }

  /** The application has destroyed the request without an error of its own. */
  #destroyed(error: unknown): void {
    if (this.#hasTimedOut) this.#call.fail(error ?? connectionReset());
    else this.#call.end();
  }
}

/** The names of the errors with which clients abort their requests: Node's, axios's, and that of got 14. */
const CANCELLATIONS = new Set(["AbortError", "CanceledError", "CancelError"]);

function isCancellation(error: unknown): boolean {
  const { name } = (error ?? {}) as { name?: unknown };
  return typeof name === "string" && CANCELLATIONS.has(name);
}

function isReset(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === "ECONNRESET";
}

function connectionReset(): Error {
  return Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
}
