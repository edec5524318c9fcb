import type { Abortable, Attempt } from "./attempt.ts";

/** The controller of a request, as undici 7 and 8 hand it to a handler. */
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
  // undici 6, and Node's own fetch up to Node 24
  onConnect: Method<[abort: unknown, context: unknown]>;
  onUpgrade: Method<[statusCode: number, rawHeaders: unknown, socket: unknown]>;
  onHeaders: Method<[statusCode: number, rawHeaders: unknown, resume: unknown, statusMessage: unknown, headers: unknown]>;
  onData: Method<[chunk: Chunk]>;
  onComplete: Method<[rawTrailers: unknown]>;
  onError: Method<[error: unknown]>;
  // all of them
  onResponseStarted: Method<[]>;
  onBodySent: Method<[chunk: unknown]>;
  onRequestSent: Method<[]>;
}

/** Stands for a handler, and tells the attempt what it hears. */
export function tracedHandler<T extends object>(handler: T, attempt: Attempt): T {
  const Traced = classFor(handler);
  return new Traced(handler as unknown as Handler, attempt) as unknown as T;
}

/**
 * undici asks a handler which methods there are: by them it tells its versions apart, and refuses a handler that lacks what it needs. A handler may
 * be of two versions at once, and each part of undici 7 may talk to it in either. So there is a class for each set of methods; there are few.
 */
const classes = new Map<number, TracedClass>();
let lastPresent = -1;
let lastClass: TracedClass = Object;

type TracedClass = new (handler: Handler, attempt: Attempt) => object;

function classFor(handler: object): TracedClass {
  const present = presentIn(handler);
  if (present === lastPresent) return lastClass;
  let found = classes.get(present);
  if (found === undefined) {
    found = class extends TracedHandler {};
    for (const name of METHODS) {
      if (typeof (handler as Partial<Handler>)[name] === "function") continue;
      Object.defineProperty(found.prototype, name, { get: TracedHandler.passthroughGetter(name) });
    }
    classes.set(present, found);
  }
  lastPresent = present;
  lastClass = found;
  return found;
}

/** Which methods there are, a bit for each. By name, and not in a loop over names: a read whose name is fixed costs a tenth (0.15 us a call in all). */
function presentIn(handler: Partial<Handler>): number {
  return (
    bit(handler.onRequestStart, 0) |
    bit(handler.onRequestUpgrade, 1) |
    bit(handler.onResponseStart, 2) |
    bit(handler.onResponseData, 3) |
    bit(handler.onResponseEnd, 4) |
    bit(handler.onResponseError, 5) |
    bit(handler.onConnect, 6) |
    bit(handler.onUpgrade, 7) |
    bit(handler.onHeaders, 8) |
    bit(handler.onData, 9) |
    bit(handler.onComplete, 10) |
    bit(handler.onError, 11) |
    bit(handler.onResponseStarted, 12) |
    bit(handler.onBodySent, 13) |
    bit(handler.onRequestSent, 14)
  );
}

function bit(method: unknown, place: number): number {
  return typeof method === "function" ? 1 << place : 0;
}

class TracedHandler implements Handler {
  readonly #handler: Handler;
  readonly #attempt: Attempt;

  constructor(handler: Handler, attempt: Attempt) {
    this.#handler = handler;
    this.#attempt = attempt;
  }

  /** A getter of what a handler has in the place of a method. */
  static passthroughGetter(name: keyof Handler): (this: TracedHandler) => unknown {
    return function (this: TracedHandler) {
      return this.#handler[name];
    };
  }

  onRequestStart(controller: Controller, context: unknown): unknown {
    return this.#handler.onRequestStart(controller, context);
  }

  onRequestUpgrade(controller: Controller, statusCode: number, headers: unknown, socket: unknown): unknown {
    this.#attempt.upgraded(statusCode, headers);
    return this.#handler.onRequestUpgrade(controller, statusCode, headers, socket);
  }

  onResponseStart(controller: Controller, statusCode: number, headers: unknown, statusMessage: unknown): unknown {
    this.#attempt.response(statusCode, headers, statusMessage);
    return this.#handler.onResponseStart(controller, statusCode, headers, statusMessage);
  }

  onResponseData(controller: Controller, chunk: Chunk): unknown {
    const size = chunk?.length ?? 0;
    this.#attempt.data(size);
    const result = this.#handler.onResponseData(controller, chunk);
    if (controller?.paused === true) this.#attempt.paused(size);
    return result;
  }

  onResponseEnd(controller: Controller, trailers: unknown): unknown {
    const handler = this.#handler;
    const attempt = this.#attempt;
    attempt.ended();
    if (!attempt.repeatable) return handler.onResponseEnd(controller, trailers);
    return attempt.forward(handler.onResponseEnd, handler, controller, trailers);
  }

  onResponseError(controller: Controller | null | undefined, error: unknown): unknown {
    const handler = this.#handler;
    this.#attempt.failed(error, controller);
    return this.#attempt.forward(handler.onResponseError, handler, controller, error);
  }

  onConnect(abort: unknown, context: unknown): unknown {
    return this.#handler.onConnect(abort, context);
  }

  onUpgrade(statusCode: number, rawHeaders: unknown, socket: unknown): unknown {
    this.#attempt.upgraded(statusCode, this.#attempt.wantsHeaders ? parsed(rawHeaders) : undefined);
    return this.#handler.onUpgrade(statusCode, rawHeaders, socket);
  }

  onHeaders(statusCode: number, rawHeaders: unknown, resume: unknown, statusMessage: unknown, headers: unknown): unknown {
    this.#attempt.response(statusCode, this.#attempt.wantsHeaders ? parsed(rawHeaders) : undefined, statusMessage);
    return this.#handler.onHeaders(statusCode, rawHeaders, resume, statusMessage, headers);
  }

  onData(chunk: Chunk): unknown {
    const size = chunk?.length ?? 0;
    this.#attempt.data(size);
    const result = this.#handler.onData(chunk);
    if (result === false) this.#attempt.paused(size);
    return result;
  }

  onComplete(rawTrailers: unknown): unknown {
    const handler = this.#handler;
    const attempt = this.#attempt;
    attempt.ended();
    if (!attempt.repeatable) return handler.onComplete(rawTrailers);
    return attempt.forward(handler.onComplete, handler, rawTrailers);
  }

  onError(error: unknown): unknown {
    const handler = this.#handler;
    this.#attempt.failed(error, undefined);
    return this.#attempt.forward(handler.onError, handler, error);
  }

  onResponseStarted(): unknown {
    return this.#handler.onResponseStarted();
  }

  onBodySent(chunk: unknown): unknown {
    return this.#handler.onBodySent(chunk);
  }

  onRequestSent(): unknown {
    return this.#handler.onRequestSent();
  }
}

const METHODS = Object.getOwnPropertyNames(TracedHandler.prototype).filter((name) => name !== "constructor") as (keyof Handler)[];

/** The headers that a handler of undici 6 is given are a flat array of buffers; several of a name are one list, as undici parses them. */
function parsed(rawHeaders: unknown): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  if (!Array.isArray(rawHeaders)) return headers;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = String(rawHeaders[i]).toLowerCase();
    const raw: unknown = rawHeaders[i + 1];
    const value = Array.isArray(raw) ? raw.map(String) : String(raw);
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}
