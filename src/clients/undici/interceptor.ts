import { context } from "@opentelemetry/api";
import type { Dispatcher } from "undici";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import type { ChannelRequest } from "../../core/calls/request-observer.ts";
import { isTracingActive, startCall } from "../../core/calls/start-call.ts";
import type { OutboundRequest } from "../../core/calls/start-call.ts";
import { isSuppressed } from "../../core/context/call-context.ts";
import {
  ensureLastSubscriber,
  followResponses,
  areRequestsWatched,
  thirdPartySubscribedFirst,
} from "../../core/node/undici-channels.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import { UndiciAttempt } from "./attempt.ts";
import { makeTracedHandler } from "./handler.ts";
import { withBufferedHeaders, withCallHeaders } from "./headers.ts";
import { contextWithoutAttempt, findPreviousAttempt, rememberSuppressed } from "./resend.ts";
import { dispatchUrl, normalizeOrigin } from "./url.ts";

type DispatchOptions = Dispatcher.DispatchOptions;
type DispatchHandler = Dispatcher.DispatchHandler;

/**
 * The origin to which a composed dispatcher last sent a request that named none: a `Client` and a `Pool` of undici 6 and 7 do not pass on their origin,
 * and a `BalancedPool` chooses among several.
 */
interface LastOrigin {
  origin: string | undefined;
}

export function makeInterceptor(config: ClientConfig): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => {
    const last: LastOrigin = { origin: undefined };
    return (given, handler) => {
      if (!isTracingActive(config)) return dispatch(given, handler);
      const options = withBufferedHeaders(given);
      const attempt = startAttempt(config, options, handler, last);
      return attempt === undefined ? dispatch(options, handler) : dispatchAttempt(dispatch, options, handler, attempt);
    };
  };
}

function dispatchAttempt(
  dispatch: Dispatcher.Dispatch,
  options: DispatchOptions,
  handler: DispatchHandler,
  attempt: UndiciAttempt,
): boolean {
  const { call } = attempt;
  const sent = withCallHeaders(options, call);
  if (call.isInner) return context.with(call.context, dispatch, undefined, sent, handler);
  call.registerForRedirects();
  ensureLastSubscriber();
  const isWatched = areRequestsWatched();
  if (call.mustEnd || isWatched) call.observer = attempt;
  // Only the response of a redirect shows that the next request belongs to a call that no header identifies.
  if (call.needsContext) followResponses();
  // A third party that has subscribed first must already find tracing suppressed. For all others, the channel subscribers of this package suppress it.
  call.first.suppressing = thirdPartySubscribedFirst();
  const traced = makeTracedHandler(handler, attempt);
  try {
    // Changing the context costs a quarter of a traced request (`npm run bench:micro -- context`), so it is done only if inner code may need it.
    return isWatched || call.needsContext || isStream(options.body)
      ? context.with(call.context, dispatch, undefined, sent, traced)
      : dispatch(sent, traced);
  } catch (error) {
    attempt.failed(error, undefined);
    throw error;
  }
}

function isStream(body: unknown): boolean {
  return typeof body === "object" && body !== null && !(body instanceof Uint8Array);
}

function startAttempt(
  config: ClientConfig,
  options: DispatchOptions,
  handler: DispatchHandler,
  last: LastOrigin,
): UndiciAttempt | undefined {
  if (!isObject(options) || !isObject(handler)) return undefined; // undici refuses them
  try {
    const { path, query, headers, body } = options;
    const method = options.method ?? "GET";
    const url = dispatchUrl(options.origin ?? last.origin, path, query);
    const previous = findPreviousAttempt(handler, method, url);
    if (previous === "suppressed") return undefined;
    const outbound: OutboundRequest = { method, url, headers, request: options, previous: previous?.call, body };
    const unrelated = previous === undefined ? contextWithoutAttempt() : undefined;
    const call =
      unrelated === undefined ? startCall(config, outbound) : context.with(unrelated, startCall, undefined, config, outbound);
    if (call === undefined) {
      if (isSuppressed(context.active())) rememberSuppressed(handler, url);
      return undefined;
    }
    const attempt = new UndiciAttempt(call, url, previous);
    if (options.origin === undefined || options.origin === null) attempt.locate = makeLocator(last);
    return attempt;
  } catch (error) {
    reportFailure("reading the options of a request", error);
    return undefined;
  }
}

/** Returns a function that takes the URL of a request whose options named no origin from the channels. */
function makeLocator(last: LastOrigin): (request: ChannelRequest) => string {
  return ({ origin, path }) => {
    last.origin = normalizeOrigin(origin);
    return dispatchUrl(origin, path);
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
