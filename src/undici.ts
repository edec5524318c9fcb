import { stringify } from "node:querystring";
import { context } from "@opentelemetry/api";
import type { Dispatcher } from "undici";
import { parseUrl } from "./core/http/urls.ts";
import { isSuppressed } from "./core/context/call-context.ts";
import { bufferIterable, withHeaders } from "./core/propagation/carrier.ts";
import { isTracingActive, startCall } from "./core/calls/start-call.ts";
import { clientConfig } from "./core/calls/client-config.ts";
import type { ClientCall } from "./core/calls/client-call.ts";
import type { ClientConfig } from "./core/calls/client-config.ts";
import { reportFailure } from "./core/telemetry/diagnostics.ts";
import type { ClientOptions } from "./core/telemetry/options.ts";
import { copyWithHeaders } from "./core/propagation/copy-with-headers.ts";
import { BoundedCache } from "./core/http/bounded-cache.ts";
import { ensureLastSubscriber, thirdPartySubscribedFirst } from "./core/node/undici-channels.ts";
import type { ChannelRequest } from "./core/node/undici-channels.ts";
import { Attempt, attemptBefore, contextBesideAttempt, rememberSuppressed } from "./clients/undici/attempt.ts";
import { tracedHandler } from "./clients/undici/handler.ts";

/** What hooks are told of an undici request: the options that were dispatched, as the caller gave them. */
export type UndiciRequest = Dispatcher.DispatchOptions;

/** What hooks are told of an undici response: what undici tells a handler. */
export interface UndiciResponse {
  readonly statusCode: number;
  /** In lower case. */
  readonly headers: Record<string, string | string[] | undefined>;
  readonly statusMessage: string | undefined;
}

/** Options of {@link traceInterceptor}. */
export type UndiciOptions = ClientOptions<UndiciRequest, UndiciResponse>;

/**
 * Makes an interceptor that gives each request of an undici dispatcher a CLIENT span and the headers that carry the trace.
 *
 * Of interceptors that are composed the last is the outermost. Before `retry` and `redirect` it sees each attempt, and each becomes a span
 * with `http.request.resend_count`; after them there is one span with the final status. It belongs after `dns`, which puts an address in
 * place of the host's name, and before `cache` and `deduplicate`, which may answer without a request.
 *
 * @throws TypeError for a bad option.
 *
 * @example
 * const dispatcher = new Agent().compose(traceInterceptor(), interceptors.retry());
 * const { body } = await dispatcher.request({ origin: "https://agents.example", path: "/rpc", method: "POST", body: message });
 */
export function traceInterceptor(options: UndiciOptions = {}): Dispatcher.DispatcherComposeInterceptor {
  const config = clientConfig("traceInterceptor", options);
  return (dispatch) => {
    const target: Target = { origin: undefined };
    return (given, handler) => {
      if (!isTracingActive(config)) return dispatch(given, handler);
      const opts = withoutIterator(given);
      const attempt = startAttempt(config, opts, handler, target);
      return attempt === undefined ? dispatch(opts, handler) : run(dispatch, opts, handler, attempt);
    };
  };
}

function run(
  dispatch: Dispatcher.Dispatch,
  opts: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
  attempt: Attempt,
): boolean {
  const { call } = attempt;
  const others = ensureLastSubscriber();
  if (call.observed) call.exchange = attempt;
  // A foreign subscriber that is told before us must find tracing suppressed already; else the channel's own subscribers see to that.
  call.suppression.suppressing = thirdPartySubscribedFirst();
  const sent = withCallHeaders(opts, call);
  const told = tracedHandler(handler, attempt);
  try {
    // To change the context costs a quarter of all; who listens to the channels needs it, and a stream of the application's.
    return others || call.isFoundByContext() || isStream(opts.body)
      ? context.with(call.context, dispatch, undefined, sent, told)
      : dispatch(sent, told);
  } catch (error) {
    attempt.failed(error, undefined);
    throw error;
  }
}

function isStream(body: unknown): boolean {
  return typeof body === "object" && body !== null && !(body instanceof Uint8Array);
}

/**
 * Where a composed dispatcher last sent a request that did not say so: a `Client` or a `Pool` keeps its origin to itself in undici 6 and 7, and
 * a `BalancedPool` chooses among several.
 */
interface Target {
  origin: string | undefined;
}

function startAttempt(
  config: ClientConfig,
  opts: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
  target: Target,
): Attempt | undefined {
  if (!isObject(opts) || !isObject(handler)) return undefined; // undici has its own word on that
  try {
    const origin = opts.origin ?? target.origin;
    const method = opts.method ?? "GET";
    const url = urlOf(origin, opts.path, opts.query);
    const before = attemptBefore(handler, method, url);
    if (before === "suppressed") return undefined;
    const beside = before === undefined ? contextBesideAttempt() : undefined;
    const call =
      beside === undefined
        ? startCall(config, method, url, opts.headers, opts, before?.call, opts.body)
        : context.with(beside, startCall, undefined, config, method, url, opts.headers, opts, undefined, opts.body);
    if (call === undefined) {
      if (isSuppressed(context.active())) rememberSuppressed(handler, url);
      return undefined;
    }
    const attempt = new Attempt(call, url, before);
    if (opts.origin === undefined || opts.origin === null) attempt.locate = locator(target);
    return attempt;
  } catch (error) {
    reportFailure("reading the options of a request", error);
    return undefined;
  }
}

// A function of its own: its closure would cost each call the memory for what it captures.
function locator(target: Target): (request: ChannelRequest) => string {
  return (request) => {
    target.origin = normalOrigin(request.origin);
    return urlOf(target.origin, request.path, undefined);
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

let lastOrigin: unknown;
let lastPath: unknown;
let lastUrl = "";

/** The URL that is asked for, byte for byte. The last one is at hand: an agent often asks the same again, and it need not be made then. */
function urlOf(origin: string | URL | undefined, path: string, query: Record<string, unknown> | null | undefined): string {
  if (query !== undefined && query !== null) return urlOf(origin, withQuery(path, query), undefined);
  if (path === lastPath && origin === lastOrigin && typeof origin === "string") return lastUrl;
  const url = ABSOLUTE.test(path) ? path : `${normalOrigin(origin) ?? ""}${path.startsWith("/") ? "" : "/"}${path}`;
  lastOrigin = origin;
  lastPath = path;
  lastUrl = url;
  return url;
}

// The path of a request to a proxy may be a URL; that of CONNECT is a host and a port.
const ABSOLUTE = /^https?:\/\//;

/** undici's own way (`serializePathWithQuery`). */
function withQuery(path: string, query: Record<string, unknown>): string {
  const text = stringify(query as Record<string, string>);
  return text === "" ? path : `${path}?${text}`;
}

const normalOrigins = new BoundedCache<string>();

function normalOrigin(origin: string | URL | undefined): string | undefined {
  if (origin === undefined || origin === null) return undefined;
  if (typeof origin !== "string") return origin.origin ?? String(origin);
  let normal = normalOrigins.get(origin);
  if (normal === undefined) {
    normal = parseUrl(origin)?.origin ?? origin;
    normalOrigins.set(origin, normal);
  }
  return normal;
}

/** Headers given as an iterator can be read only once: they become a set of pairs, which we and undici can both read. */
function withoutIterator(opts: Dispatcher.DispatchOptions): Dispatcher.DispatchOptions {
  try {
    const headers = opts?.headers as { next?: unknown } | null | undefined;
    if (typeof headers?.next !== "function") return opts;
    const read = bufferIterable(headers as Iterable<unknown>);
    return copyWithHeaders(opts, Array.isArray(read) ? new Set(read) : read);
  } catch (error) {
    reportFailure("reading the headers of a request", error);
    return opts;
  }
}

/** A copy of the options with the call's headers in the shape of the caller's. What undici refuses stays as it is, to be refused. */
function withCallHeaders(opts: Dispatcher.DispatchOptions, call: ClientCall): Dispatcher.DispatchOptions {
  try {
    return layHeaders(opts, call);
  } catch (error) {
    reportFailure("laying headers over a request", error);
    return opts;
  }
}

function layHeaders(opts: Dispatcher.DispatchOptions, call: ClientCall): Dispatcher.DispatchOptions {
  const { headers } = opts;
  if (call.headers === undefined || (typeof headers !== "object" && headers !== undefined)) return opts;
  if (!Array.isArray(headers)) {
    const laid = withHeaders(headers, call.headers, call.replaced);
    // undici takes an array for a flat one; pairs are welcome in any other iterable.
    return copyWithHeaders(opts, Array.isArray(laid) ? new Set(laid) : laid);
  }
  if (headers.length % 2 !== 0 || (headers.length > 0 && typeof headers[0] !== "string")) return opts;
  const laid = headers.length === 0 ? Object.entries(call.headers).flat() : withHeaders(headers, call.headers, call.replaced);
  return copyWithHeaders(opts, laid);
}
