import { channel } from "node:diagnostics_channel";
import { errorMonitor } from "node:events";
import http from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { context } from "@opentelemetry/api";
import type { Options } from "got";
import { protocolVersion } from "../../core/http/attributes.ts";
import { CallContext } from "../../core/context/call-context.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import { safeCall, reportFailure } from "../../core/telemetry/diagnostics.ts";
import { createPatchDetector } from "../../core/node/native-function.ts";
import { watchUnconsumedStream } from "../../core/streams/unconsumed-body.ts";

/** `http.request` or what stands for it. */
export type Transport = (...args: unknown[]) => unknown;

/** A request of the application's, of which got may make several attempts. */
export interface Outcome {
  /** What the application was given for it: a promise or a stream. */
  result: unknown;
  /** How many redirects in a row got was to follow, up to the latest attempt. */
  redirects: number;
  /** Whether the response of the latest attempt is a redirect. */
  isRedirecting: boolean;
}

/** Sends one attempt and follows it to its end on the wire. */
export function send(
  config: ClientConfig,
  call: ClientCall,
  options: Options,
  transport: Transport,
  args: unknown[],
  outcome: Outcome,
): unknown {
  // Nothing is recorded and nothing is active but what was: there is nothing to follow.
  if (call.context === call.parent && !call.observed) return transport(...args);
  const exchange = new Exchange(config, call, options, outcome);
  call.suppressing = true;
  let result: unknown;
  try {
    // Hooks and listeners run in the context that the request is made in: the application's, but for the switch.
    result = isWatched(options)
      ? context.with(new CallContext(call.parent, undefined, call), transport, undefined, ...args)
      : transport(...args);
  } catch (error) {
    call.suppressing = false;
    exchange.failed(error);
    throw error;
  }
  if (!isPromise(result)) {
    call.suppressing = false;
    exchange.followed(result);
    return result;
  }
  // Got's own function for http2 finds out which protocol the server speaks before it makes the request.
  call.suppressing = options.request === undefined;
  return result.then(
    (request) => {
      call.suppressing = false;
      exchange.followed(request);
      return request;
    },
    (error: unknown) => {
      call.suppressing = false;
      exchange.failed(error);
      throw error;
    },
  );
}

const isHttpPatched = createPatchDetector(http, https);
const requests = [channel("http.client.request.start"), channel("http.client.request.created")] as const;

/** Whether foreign instrumentation may be beneath a request, which must find tracing suppressed. It costs more to change the context than to ask. */
function isWatched({ request }: Options): boolean {
  return request !== undefined || isHttpPatched() || requests[0].hasSubscribers || requests[1].hasSubscribers;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Partial<Promise<unknown>> | undefined)?.then === "function";
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code;
}

/** What a request or a response came over. That of http2 is a stand-in, which throws as soon as its session is over. */
function connectionOf(message: { readonly socket: Socket | null } | undefined): Partial<Socket> {
  try {
    const { readableEnded, errored, remoteAddress, remotePort }: Partial<Socket> = message?.socket ?? {};
    return { readableEnded, errored, remoteAddress, remotePort } as Partial<Socket>;
  } catch {
    return { readableEnded: true };
  }
}

/** One attempt as Node's request tells of it, which got reads and destroys. */
class Exchange {
  readonly #config: ClientConfig;
  readonly #call: ClientCall;
  readonly #options: Options;
  readonly #outcome: Outcome;
  #request: ClientRequest | undefined;

  constructor(config: ClientConfig, call: ClientCall, options: Options, outcome: Outcome) {
    this.#config = config;
    this.#call = call;
    this.#options = options;
    this.#outcome = outcome;
  }

  followed(result: unknown): void {
    if (!this.#call.observed) return;
    try {
      this.#follow(result);
    } catch (error) {
      reportFailure("following a request of got", error);
    }
  }

  /** @param result what a transport returns: a request; or, if it is the application's own, maybe a response at once. */
  #follow(result: unknown): void {
    const message = result as Partial<ClientRequest & IncomingMessage> | null | undefined;
    if (typeof message?.once !== "function") {
      this.#call.end();
    } else if (typeof message.statusCode === "number") {
      this.#responded(message as IncomingMessage);
      (message as IncomingMessage).once("close", () => this.#closed(message as IncomingMessage));
    } else {
      const request = message as ClientRequest;
      this.#request = request;
      request.once("response", (response) => this.#responded(response));
      request.once(errorMonitor, (error) => this.failed(error));
      // Node keeps the response of a request, also one that nobody was told of: the answer to an upgrade.
      request.once("close", () => this.#closed((request as { res?: IncomingMessage | null }).res ?? undefined));
    }
  }

  failed(error: unknown): void {
    const code = safeCall("reading an error", codeOf, error);
    const { signal } = this.#options;
    // Node tells of a request that is destroyed without an error as of a reset; what makes a connection for http2 has errors without a code.
    const isOwn = code === undefined ? signal?.aborted === true : code === "ECONNRESET" && !this.#isRemote(undefined);
    if (isOwn) this.#abandoned(error);
    else this.#call.fail(error, signal);
  }

  #responded(response: IncomingMessage): void {
    const call = this.#call;
    const { responseHook, endSpanOn } = this.#config.options;
    call.response(response.statusCode as number, response.headers);
    const { remoteAddress, remotePort } = connectionOf(response);
    call.connected(remoteAddress, remotePort, protocolVersion(response.httpVersion));
    const location = redirectLocation(response);
    if (responseHook === undefined && location === undefined) {
      if (endSpanOn === "headers") call.end();
    } else {
      // Got's listener comes after this one, and makes its own response of Node's.
      process.nextTick(() => {
        call.delivered(response);
        if (location !== undefined) this.#redirected(response, location);
        if (endSpanOn === "headers") call.end();
      });
    }
    if (call.ended) return;
    const { result } = this.#outcome;
    // A stream that is destroyed was followed by that of a retry, which is not in sight.
    if ((result as Partial<Duplex> | undefined)?.destroyed === false) watchUnconsumedStream(call, result as Duplex);
    response.once("end", () => call.end());
    response.once("aborted", () => this.#cut(response));
    // The http2 requests of got 14 and 15 do not tell that they were destroyed in the middle of a response; their stream does.
    const { ["_request"]: stream } = (this.#request ?? {}) as { _request?: Duplex };
    stream?.once("close", () => {
      if (this.#request?.destroyed === true) this.#closed(response);
    });
  }

  /** Ends the call with an error if got is about to follow a redirect but cannot: got reports no more than its own failure, and that later. */
  #redirected(response: IncomingMessage & { readonly ok?: unknown }, location: string): void {
    const { followRedirect, maxRedirects, url } = this.#options;
    // `ok` is got's own: false for a redirect that is followed, also where a function of the application's decides.
    if (response.ok === undefined ? followRedirect !== true : response.ok !== false) return;
    this.#outcome.isRedirecting = true;
    const count = ++this.#outcome.redirects;
    const error = count > maxRedirects ? tooManyRedirects(maxRedirects) : invalidLocation(location, url);
    if (error !== undefined) this.#call.fail(error);
  }

  /** No more is to come. What has not ended yet was upgraded, given up, or answered without being read. */
  #closed(response: IncomingMessage | undefined): void {
    if (this.#call.ended) return;
    if (response?.statusCode !== undefined) this.#call.response(response.statusCode, response.headers);
    if (response?.complete === true || response?.statusCode === 101) this.#call.end();
    else this.#cut(response);
  }

  /** The request was closed before all had arrived. */
  #cut(response: IncomingMessage | undefined): void {
    // Of a connection that has failed got may hear before its request does, and then destroys that without an error.
    const errored = this.#request?.errored ?? connectionOf(this.#request).errored;
    const error = errored ?? response?.errored ?? Object.assign(new Error("aborted"), { code: "ECONNRESET" });
    if (errored != null || this.#isRemote(response)) this.#call.fail(error, this.#options.signal);
    else this.#abandoned(error);
  }

  /** Whether it was the other side that has failed or closed; if not, this one has destroyed the request. */
  #isRemote(response: IncomingMessage | undefined): boolean {
    const request = this.#request;
    if (request === undefined || !request.destroyed) return true;
    const { errored, readableEnded } = connectionOf(request);
    // Node destroys a request of http/1.1 also for the other side. Of a connection that has failed got may hear before its request does.
    return (response?.httpVersionMajor !== 2 && readableEnded === true) || isOfWire(errored);
  }

  /** The request was destroyed on this side, with no error of its own: the application has cancelled, or got has given up. */
  #abandoned(error: unknown): void {
    const { signal } = this.#options;
    if (signal?.aborted === true) this.#call.fail(signal.reason, signal);
    else if (this.#isCancelled()) this.#call.end();
    else this.#call.fail(this.#uploadError() ?? error);
  }

  /** A promise cannot be cancelled but with a signal, or with what got 14 adds to it; a stream is, by destroying it. */
  #isCancelled(): boolean {
    const { result } = this.#outcome;
    if (isPromise(result)) return (result as { isCanceled?: boolean }).isCanceled === true;
    return (result as Partial<Duplex> | undefined)?.destroyed !== false && this.#uploadError() === undefined;
  }

  /** Why the request's body could not be sent, as far as is told: a promise has got's error, but shows it to nobody. */
  #uploadError(): unknown {
    if (this.#request?.writableEnded !== false) return undefined;
    const { result } = this.#outcome;
    if (!isPromise(result)) return (result as Partial<Duplex> | undefined)?.errored ?? undefined;
    const body = this.#options.body as Partial<Duplex> | undefined;
    if (body === undefined || isCleanUp(body.errored)) return undefined;
    return body.errored ?? Object.assign(new Error("the upload was given up"), { code: "ERR_UPLOAD" });
  }
}

// Of 300 and 304 too until got 15.
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);

/** Where a redirect leads; undefined for any other response. */
function redirectLocation({ statusCode, headers }: IncomingMessage): string | undefined {
  return REDIRECT_STATUSES.has(statusCode as number) && headers.location ? headers.location : undefined;
}

function tooManyRedirects(limit: number): Error {
  const error = new Error(`Redirected ${limit} times. Aborting.`);
  return Object.assign(error, { name: "MaxRedirectsError", code: "ERR_TOO_MANY_REDIRECTS" });
}

/** Why got cannot follow a redirect; undefined if it can. */
function invalidLocation(location: string, base: string | URL | undefined): unknown {
  try {
    // Node decodes headers as latin1, and got reads this one as UTF-8.
    const { protocol } = new URL(Buffer.from(location, "latin1").toString(), base);
    // Whether got follows one to a UNIX socket depends on where it comes from.
    if (protocol === "http:" || protocol === "https:" || protocol === "unix:") return undefined;
    return Object.assign(new Error(`Unsupported protocol: ${protocol}`), { code: "ERR_UNSUPPORTED_PROTOCOL" });
  } catch (error) {
    return error;
  }
}

/** Whether a connection's error is that of a system call: on TLS, to destroy it cancels what is being written. */
function isOfWire(errored: NodeJS.ErrnoException | null | undefined): boolean {
  return errored?.syscall !== undefined && errored.code !== "ECANCELED";
}

/** Node destroys a stream whose other end has gone with an `AbortError` without a cause: it followed from the failure, and is nobody's cancel. */
function isCleanUp(error: Error | null | undefined): boolean {
  return error?.name === "AbortError" && error.cause === undefined;
}
