import type { ChannelRequest } from "../../core/calls/request-observer.ts";

// The handler of a request's response is an internal property of undici's, which is only read. Where it is missing, each retry is a call of its own, and the
// span of a large response that is never read ends with its connection.

/** What handlers of undici's have: those of its own API are an `AsyncResource`, and keep the stream of the response's body. */
interface Handler {
  readonly runInAsyncScope?: <Result>(run: () => Result) => Result;
  /** `request()` */
  readonly res?: unknown;
  /** `fetch()`; for `request()` the body of the request. */
  readonly body?: unknown;
  /** The handler that one of an interceptor passes the response on to. */
  readonly handler?: unknown;
}

let handlerKey: symbol | undefined;

function handlerOf(request: ChannelRequest): Handler | undefined {
  // Each copy of undici has a symbol of its own.
  if (handlerKey === undefined || !(handlerKey in request)) {
    handlerKey = Object.getOwnPropertySymbols(request).find(({ description }) => description === "handler");
  }
  const handler: unknown = handlerKey === undefined ? undefined : Reflect.get(request, handlerKey);
  return typeof handler === "object" && handler !== null ? handler : undefined;
}

const MAX_HANDLERS = 8;

/** The handlers that a request's response passes through, that of the innermost interceptor first. */
export function handlersOf(request: ChannelRequest): Handler[] {
  const handlers: Handler[] = [];
  let handler: unknown = handlerOf(request);
  while (typeof handler === "object" && handler !== null && handlers.length < MAX_HANDLERS) {
    handlers.push(handler);
    ({ handler } = handler as Handler);
  }
  return handlers;
}

/** What runs functions in the context that a request was made in: a pool of connections creates queued requests in another one. */
export function callerOf(request: ChannelRequest): { runInAsyncScope<Result>(run: () => Result): Result } | undefined {
  const caller = handlersOf(request).find(({ runInAsyncScope }) => typeof runInAsyncScope === "function");
  return caller as Required<Handler> | undefined;
}

/** The stream of a response's body, if the handler has one: it shows whether the application reads it. */
export function bodyOf(request: ChannelRequest): object | undefined {
  for (const handler of handlersOf(request)) {
    const { body, res } = handler;
    if (isReadable(res)) return res;
    // `request()` also keeps the body of the request.
    if (!("res" in handler) && isReadable(body)) return body;
  }
  return undefined;
}

function isReadable(value: unknown): value is object {
  return typeof value === "object" && value !== null && "readableFlowing" in value;
}
