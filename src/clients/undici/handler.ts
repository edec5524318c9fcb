import type { Abortable, UndiciAttempt } from "./attempt.ts";
import { runForResend } from "./resend.ts";

/** The controller of a request, as undici 7 and 8 pass it to a handler. */
interface Controller extends Abortable {
  readonly paused?: boolean;
}

interface Chunk {
  readonly length: number;
}

type Method<Args extends unknown[]> = (...args: Args) => unknown;

/** The methods of a handler, of any version of undici. */
interface Handler {
  // undici 7 and 8
  onRequestStart: Method<[controller: Controller, context: unknown]>;
  onRequestUpgrade: Method<[controller: Controller, statusCode: number, headers: unknown, socket: unknown]>;
  onResponseStart: Method<[controller: Controller, statusCode: number, headers: unknown, statusMessage: unknown]>;
  onResponseData: Method<[controller: Controller, chunk: Chunk]>;
  onResponseEnd: Method<[controller: Controller, trailers: unknown]>;
  onResponseError: Method<[controller: Controller | null | undefined, error: unknown]>;
  // undici 6, and the fetch of Node 24 and older
  onConnect: Method<[abort: unknown, context: unknown]>;
  onUpgrade: Method<[statusCode: number, rawHeaders: unknown, socket: unknown]>;
  onHeaders: Method<[statusCode: number, rawHeaders: unknown, resume: unknown, statusMessage: unknown, headers: unknown]>;
  onData: Method<[chunk: Chunk]>;
  onComplete: Method<[rawTrailers: unknown]>;
  onError: Method<[error: unknown]>;
  // all versions
  onResponseStarted: Method<[]>;
  onBodySent: Method<[chunk: unknown]>;
  onRequestSent: Method<[]>;
}

/** Wraps a handler, so that the attempt receives what the handler receives. */
export function makeTracedHandler<T extends object>(handler: T, attempt: UndiciAttempt): T {
  return new TracedHandler(handler as unknown as Handler, attempt) as unknown as T;
}

/**
 * undici recognises the version of a handler by its methods. A handler may have the methods of two versions, and undici 7 may call either. So each
 * method is a getter, which returns the wrapped handler's property if that is not a function.
 */
class TracedHandler {
  readonly handler: Handler;
  readonly attempt: UndiciAttempt;

  constructor(handler: Handler, attempt: UndiciAttempt) {
    this.handler = handler;
    this.attempt = attempt;
  }

  get onRequestStart(): unknown {
    return choose(this.handler.onRequestStart, onRequestStart);
  }

  get onRequestUpgrade(): unknown {
    return choose(this.handler.onRequestUpgrade, onRequestUpgrade);
  }

  get onResponseStart(): unknown {
    return choose(this.handler.onResponseStart, onResponseStart);
  }

  get onResponseData(): unknown {
    return choose(this.handler.onResponseData, onResponseData);
  }

  get onResponseEnd(): unknown {
    return choose(this.handler.onResponseEnd, onResponseEnd);
  }

  get onResponseError(): unknown {
    return choose(this.handler.onResponseError, onResponseError);
  }

  get onConnect(): unknown {
    return choose(this.handler.onConnect, onConnect);
  }

  get onUpgrade(): unknown {
    return choose(this.handler.onUpgrade, onUpgrade);
  }

  get onHeaders(): unknown {
    return choose(this.handler.onHeaders, onHeaders);
  }

  get onData(): unknown {
    return choose(this.handler.onData, onData);
  }

  get onComplete(): unknown {
    return choose(this.handler.onComplete, onComplete);
  }

  get onError(): unknown {
    return choose(this.handler.onError, onError);
  }

  get onResponseStarted(): unknown {
    return choose(this.handler.onResponseStarted, onResponseStarted);
  }

  get onBodySent(): unknown {
    return choose(this.handler.onBodySent, onBodySent);
  }

  get onRequestSent(): unknown {
    return choose(this.handler.onRequestSent, onRequestSent);
  }
}

// undici's ProxyAgent assigns methods of the handler that it is given.
for (const name of Object.getOwnPropertyNames(TracedHandler.prototype)) {
  const descriptor = Object.getOwnPropertyDescriptor(TracedHandler.prototype, name);
  if (descriptor?.get === undefined) continue;
  descriptor.set = function (this: TracedHandler, value: unknown): void {
    Object.defineProperty(this, name, { configurable: true, enumerable: true, writable: true, value });
  };
  Object.defineProperty(TracedHandler.prototype, name, descriptor);
}

function choose(own: unknown, method: unknown): unknown {
  return typeof own === "function" ? method : own;
}

// The methods of a traced handler, by version of undici as above.

function onRequestStart(this: TracedHandler, controller: Controller, context: unknown): unknown {
  return this.handler.onRequestStart(controller, context);
}

function onRequestUpgrade(
  this: TracedHandler,
  controller: Controller,
  statusCode: number,
  headers: unknown,
  socket: unknown,
): unknown {
  this.attempt.upgraded(statusCode, headers);
  return this.handler.onRequestUpgrade(controller, statusCode, headers, socket);
}

function onResponseStart(
  this: TracedHandler,
  controller: Controller,
  statusCode: number,
  headers: unknown,
  statusMessage: unknown,
): unknown {
  this.attempt.response(statusCode, headers, statusMessage);
  return this.handler.onResponseStart(controller, statusCode, headers, statusMessage);
}

function onResponseData(this: TracedHandler, controller: Controller, chunk: Chunk): unknown {
  const size = chunk?.length ?? 0;
  this.attempt.data(size);
  const result = this.handler.onResponseData(controller, chunk);
  if (controller?.paused === true) this.attempt.paused(size);
  return result;
}

function onResponseEnd(this: TracedHandler, controller: Controller, trailers: unknown): unknown {
  const { handler, attempt } = this;
  attempt.ended();
  if (!attempt.isRepeatable) return handler.onResponseEnd(controller, trailers);
  return runForResend(attempt, handler.onResponseEnd, handler, controller, trailers);
}

function onResponseError(this: TracedHandler, controller: Controller | null | undefined, error: unknown): unknown {
  const { handler, attempt } = this;
  attempt.failed(error, controller);
  return runForResend(attempt, handler.onResponseError, handler, controller, error);
}

function onConnect(this: TracedHandler, abort: unknown, context: unknown): unknown {
  return this.handler.onConnect(abort, context);
}

function onUpgrade(this: TracedHandler, statusCode: number, rawHeaders: unknown, socket: unknown): unknown {
  this.attempt.upgraded(statusCode, this.attempt.wantsHeaders ? parseRawHeaders(rawHeaders) : undefined);
  return this.handler.onUpgrade(statusCode, rawHeaders, socket);
}

function onHeaders(
  this: TracedHandler,
  statusCode: number,
  rawHeaders: unknown,
  resume: unknown,
  statusMessage: unknown,
  headers: unknown,
): unknown {
  this.attempt.response(statusCode, this.attempt.wantsHeaders ? parseRawHeaders(rawHeaders) : undefined, statusMessage);
  return this.handler.onHeaders(statusCode, rawHeaders, resume, statusMessage, headers);
}

function onData(this: TracedHandler, chunk: Chunk): unknown {
  const size = chunk?.length ?? 0;
  this.attempt.data(size);
  const result = this.handler.onData(chunk);
  if (result === false) this.attempt.paused(size);
  return result;
}

function onComplete(this: TracedHandler, rawTrailers: unknown): unknown {
  const { handler, attempt } = this;
  attempt.ended();
  if (!attempt.isRepeatable) return handler.onComplete(rawTrailers);
  return runForResend(attempt, handler.onComplete, handler, rawTrailers);
}

function onError(this: TracedHandler, error: unknown): unknown {
  const { handler, attempt } = this;
  attempt.failed(error, undefined);
  return runForResend(attempt, handler.onError, handler, error);
}

function onResponseStarted(this: TracedHandler): unknown {
  return this.handler.onResponseStarted();
}

function onBodySent(this: TracedHandler, chunk: unknown): unknown {
  return this.handler.onBodySent(chunk);
}

function onRequestSent(this: TracedHandler): unknown {
  return this.handler.onRequestSent();
}
/** undici 6 passes headers as a flat array of buffers. Several values of a name become a list, as undici parses them. */
function parseRawHeaders(rawHeaders: unknown): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  if (!Array.isArray(rawHeaders)) return headers;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = String(rawHeaders[i]).toLowerCase();
    const raw: unknown = rawHeaders[i + 1];
    const value = Array.isArray(raw) ? raw.map(String) : String(raw);
    const existing = headers[name];
    headers[name] = existing === undefined ? value : [existing, value].flat();
  }
  return headers;
}
