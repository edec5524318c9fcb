import { context, createContextKey } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { safeCall } from "../../core/telemetry/diagnostics.ts";
import { now } from "../../core/telemetry/meter.ts";
import type { ChannelRequest, Exchange } from "../../core/node/undici-channels.ts";
import { UNCONSUMED_BODY_TIMEOUT_MS } from "../../core/streams/unconsumed-body.ts";

/** How much of a body undici takes in before it waits for somebody to read it, in bytes. */
const HIGH_WATER_MARK = 65_536;

/** Tells whether, and why, a request was aborted: an `AbortSignal`, or the controller that undici gives to handlers. */
export interface Abortable {
  readonly aborted?: boolean;
  readonly reason?: unknown;
}

interface RequestOptions {
  readonly signal?: unknown;
  readonly highWaterMark?: number;
}

/** One dispatched request: what a handler is told of it, and what the channels tell of its connection, as transitions of its call. */
export class Attempt implements Exchange {
  readonly call: ClientCall;
  url: string;
  /** The first of the attempts that this one belongs to. */
  readonly first: Attempt;
  /** Whether it came to something that is answered by another attempt: a failure, a redirect, an error status. */
  repeatable = false;
  /** Whether another attempt has followed it. */
  repeated = false;
  /** Makes the URL of what the channels tell of the request, if its options did not tell where it goes. */
  locate: ((request: ChannelRequest) => string) | undefined = undefined;

  #arrived = 0;
  #received = 0;
  #wasPaused = false;
  #patience: NodeJS.Timeout | undefined = undefined;

  constructor(call: ClientCall, url: string, before: Attempt | undefined) {
    this.call = call;
    this.url = url;
    this.first = before === undefined ? this : before.first;
  }

  /** Whether anybody looks at the response's headers. */
  get wantsHeaders(): boolean {
    return this.call.config.responseHeaders.length > 0 || this.call.config.options.responseHook !== undefined;
  }

  response(statusCode: number, headers: unknown, statusMessage: unknown): void {
    if (statusCode < 200) return;
    this.#responded(statusCode, headers, statusMessage);
    if (this.call.config.options.endSpanOn === "headers") this.call.end();
    else if (this.call.observed) this.#arrived = now();
  }

  /** The connection is the application's from here on. */
  upgraded(statusCode: number, headers: unknown): void {
    this.#responded(statusCode, headers, undefined);
    this.call.end();
  }

  #responded(statusCode: number, headers: unknown, statusMessage: unknown): void {
    const { call } = this;
    call.suppression.suppressing = false;
    call.response(statusCode, headers);
    if (this.call.config.options.responseHook !== undefined) call.delivered({ statusCode, headers, statusMessage });
  }

  data(size: number): void {
    this.#received += size;
    this.#read();
  }

  /**
   * The application takes no more for now. If that is so as soon as the body's buffer is full then nobody has read of it, and undici would
   * wait for ever: a response that goes on lying there ends its span, with the time of its headers.
   *
   * @param last how much of the body has come last.
   */
  paused(last: number): void {
    if (this.#wasPaused || this.call.ended) return;
    this.#wasPaused = true;
    const limit = (this.call.request as RequestOptions).highWaterMark ?? HIGH_WATER_MARK;
    if (this.#received < limit || this.#received - last >= limit) return;
    this.#patience = setTimeout(() => this.call.end(this.#arrived), UNCONSUMED_BODY_TIMEOUT_MS);
    this.#patience.unref?.();
  }

  #read(): void {
    if (this.#patience === undefined) return;
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  ended(): void {
    this.#read();
    this.repeatable = (this.call.status ?? 0) >= 300;
    this.call.end();
  }

  failed(error: unknown, controller: Abortable | null | undefined): void {
    this.#read();
    this.repeatable = true;
    if (this.call.ended) return;
    safeCall("a failure", () => {
      const { call } = this;
      if (call.status === undefined) this.#statusOf(error);
      // The controller knows of aborts that no signal tells of: fetch's, and a body that the application destroys.
      const { signal } = this.call.request as RequestOptions;
      call.fail(error, (isAborted(signal) || !isAborted(controller) ? signal : controller) as AbortSignal | undefined);
    });
    this.call.end();
  }

  /** After retries that were all in vain, and under `responseError`, only undici's error tells the status. */
  #statusOf(error: unknown): void {
    const { code, statusCode, headers } = (error ?? {}) as { code?: unknown; statusCode?: unknown; headers?: unknown };
    if (typeof statusCode === "number" && typeof code === "string" && code.startsWith("UND_ERR_")) {
      this.call.response(statusCode, headers);
    }
  }

  /** Runs a callback of the handler so that a request which it dispatches, at once or later, is known for the next attempt. */
  forward<Args extends unknown[], Result>(callback: (...args: Args) => Result, handler: object, ...args: Args): Result {
    remember(handler, this);
    return context.with(this.call.parent.setValue(ATTEMPT, this), callback, handler, ...args);
  }

  created(request: ChannelRequest): void {
    const url = this.locate?.(request);
    this.locate = undefined;
    if (url === undefined || url === this.url) return;
    this.url = url;
    this.call.setUrl(url);
  }

  connected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void {
    this.call.connected(address, port, protocolVersion);
  }
}

function isAborted(signal: unknown): boolean {
  return (signal as Abortable | null | undefined)?.aborted === true;
}

const ATTEMPT = createContextKey("a2a-otel undici attempt");

// Handlers by what was last dispatched with them, if that may be dispatched again: an attempt, or the URL of a suppressed request.
const failed = new WeakMap<object, Attempt | string>();
let anyFailed = false;

function remember(handler: object, what: Attempt | string): void {
  failed.set(handler, what);
  anyFailed = true;
}

/**
 * The attempt that a request is a re-send of. A retry or a redirect dispatches its handler again, or, where the one is composed over the other,
 * a new handler from out of a callback; on a warm socket that runs in the async context of any other request.
 */
export function attemptBefore(handler: object, method: string, url: string): Attempt | "suppressed" | undefined {
  if (!anyFailed) return undefined;
  const last = failed.get(handler);
  if (typeof last === "string") return last === url ? "suppressed" : undefined;
  const attempt = last ?? (context.active().getValue(ATTEMPT) as Attempt | undefined);
  if (attempt === undefined || !attempt.repeatable || attempt.repeated) return undefined;
  if (last === undefined && !isAnswer(attempt, method, url)) return undefined;
  attempt.repeated = true;
  return attempt;
}

/**
 * The active context without a failed attempt out of whose callback a request is dispatched that is none of its re-sends; undefined where there is
 * no such attempt. An application that sends its next request from there, for ever, would make a chain of all of them.
 */
export function contextBesideAttempt(): Context | undefined {
  if (!anyFailed) return undefined;
  const active = context.active();
  return active.getValue(ATTEMPT) === undefined ? undefined : active.deleteValue(ATTEMPT);
}

/** Whether a request goes where a redirect may have sent it, asks the same again, or begins again at the beginning. */
function isAnswer({ call, url, first }: Attempt, nextMethod: string, nextUrl: string): boolean {
  if (call.status !== undefined && call.status >= 300 && call.status < 400) return true;
  return (url === nextUrl && call.method === nextMethod) || (first.url === nextUrl && first.call.method === nextMethod);
}

export function rememberSuppressed(handler: object, url: string): void {
  remember(handler, url);
}
