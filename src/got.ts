import type { Got, HandlerFunction, Options, Response } from "got";
import { isTracingActive, startCall } from "./core/calls/start-call.ts";
import { clientConfig } from "./core/calls/client-config.ts";
import type { ClientCall } from "./core/calls/client-call.ts";
import type { ClientConfig } from "./core/calls/client-config.ts";
import { withHeaders } from "./core/propagation/carrier.ts";
import { reportFailure } from "./core/telemetry/diagnostics.ts";
import { describe } from "./core/telemetry/options.ts";
import type { ClientOptions } from "./core/telemetry/options.ts";
import { sharedState } from "./core/telemetry/shared-state.ts";
import { send } from "./clients/got/attempt.ts";
import type { Outcome, Transport } from "./clients/got/attempt.ts";

/** Options of {@link wrapGot}. The hooks' `request` is got's `Options`, their `response` that of one attempt, at its headers. */
export type GotOptions = ClientOptions<Options, Response>;

/**
 * Makes a got instance whose requests get a CLIENT span and carry the trace context: a span for each attempt on the wire, so also for each
 * retry, each hop of a redirect and each page. The given instance is not changed; one that is traced already is returned as it is.
 *
 * @param got an instance of got 14, 15 or 16, which may be extended before and after.
 * @throws TypeError for a bad option, or where `got` is no got instance.
 *
 * @example
 * const client = wrapGot(got.extend({ prefixUrl: "https://agents.example" }));
 * const card = await client(".well-known/agent-card.json").json();
 */
export function wrapGot<Instance extends Got>(got: Instance, options: GotOptions = {}): Instance {
  const config = clientConfig("wrapGot", options);
  const defaults = (got as Partial<Got> | undefined)?.defaults;
  if (typeof got !== "function" || defaults === undefined) {
    throw new TypeError(`wrapGot: got must be a got instance, not ${describe(got)}`);
  }
  // An instance that is extended from a traced one has its handler.
  if (sharedState.instrumented.has(got) || defaults.handlers.some((handler) => sharedState.instrumented.has(handler))) return got;
  const { mutableDefaults } = defaults;
  const instance = got.extend({ handlers: [tracing(config)], mutableDefaults }) as unknown as Instance;
  sharedState.instrumented.add(instance);
  return instance;
}

/** A handler that hands on the very options that it was given, and returns what the next one does: got accepts nothing else. */
function tracing(config: ClientConfig): HandlerFunction {
  const handler: HandlerFunction = (options, next) => {
    if (!isTracingActive(config)) return next(options);
    const traced: TracedRequest = { config, result: undefined, redirects: 0, isRedirecting: false, latest: undefined };
    try {
      traceAttempts(traced, options);
    } catch (error) {
      reportFailure("preparing a request of got", error);
    }
    const result = next(options);
    traced.result = result;
    return result;
  };
  sharedState.instrumented.add(handler);
  return handler;
}

/** A request of the application's: got may make several attempts of it. */
interface TracedRequest extends Outcome {
  readonly config: ClientConfig;
  latest: ClientCall | undefined;
}

/**
 * Traces the attempts of one request.
 *
 * An attempt begins where got asks its options for the function that sends the request: all hooks have run by then, URL and headers are
 * final, and got does not ask if a hook has answered. (A `request` option of our own would come as late, but hooks would see it, and got
 * takes an http2 request's timeouts away from it.) Retries and hops have copies of the options, which keep the hooks: so a hook of ours
 * watches each copy.
 */
function traceAttempts(traced: TracedRequest, options: Options | undefined): void {
  // No options: the URL is invalid. Watched already: an instance that was merged with another traced one.
  if (options === undefined || isWatched(options)) return;
  watch(traced, options);
  const hooks = options.hooks as unknown as { beforeRequest: BeforeRequestHook[] };
  hooks.beforeRequest = listOf(hooks.beforeRequest, watchCopiesFor(traced));
}

interface BeforeRequestHook {
  (options: Options): void;
  [IS_OURS]?: true;
}

// For all copies of this package. On the function, for each request has one of its own: a set of them costs more than the rest of the work here.
const IS_OURS: unique symbol = Symbol.for("a2a-otel.hook") as never;

/** The hook that watches the copies that got makes of a request's options. */
function watchCopiesFor(traced: TracedRequest): BeforeRequestHook {
  const watchCopy: BeforeRequestHook = (options) => {
    if (isWatched(options)) return;
    watch(traced, options);
    const hooks = options.hooks as unknown as { beforeRequest: BeforeRequestHook[] };
    hooks.beforeRequest = listOf(hooks.beforeRequest, watchCopy);
  };
  watchCopy[IS_OURS] = true;
  return watchCopy;
}

/**
 * A list of hooks whose iterator also returns a hook of ours, as the last one. In all its versions got runs hooks, and copies lists of them, by iteration;
 * the application, which is given the options in its hooks and callbacks, finds only its own hooks in the list.
 *
 * A class, because an own iterator of one array makes V8 iterate over all arrays of the process more slowly.
 */
class HookList extends Array<BeforeRequestHook> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  #last: BeforeRequestHook | undefined;

  override *[Symbol.iterator](): ArrayIterator<BeforeRequestHook> {
    for (let i = 0; i < this.length; i++) yield this[i] as BeforeRequestHook;
    if (this.#last !== undefined) yield this.#last;
  }

  set last(hook: BeforeRequestHook) {
    this.#last = hook;
  }
}

/** @param hooks may have a hook of ours: got has copied a list into it, or the application uses the options of an earlier call again. */
function listOf(hooks: readonly BeforeRequestHook[], last: BeforeRequestHook): HookList {
  const list = new HookList();
  for (let i = 0; i < hooks.length; i++) {
    const hook = hooks[i] as BeforeRequestHook;
    if (hook[IS_OURS] !== true) list.push(hook);
  }
  list.last = last;
  return list;
}

function watch(traced: TracedRequest, options: Options): void {
  const value = (): Transport | undefined => {
    const prototype = Object.getPrototypeOf(options) as Options;
    const transport = prototype.getRequestFunction.call(options) as Transport | undefined;
    return transport && ((...args) => attempt(traced, options, transport, args));
  };
  Object.defineProperty(options, "getRequestFunction", { configurable: true, writable: true, value });
}

function isWatched(options: Options): boolean {
  return Object.hasOwn(options, "getRequestFunction");
}

function attempt(traced: TracedRequest, options: Options, transport: Transport, args: unknown[]): unknown {
  const { config, latest } = traced;
  // The body of a redirect may still be on its way, or never end.
  latest?.end();
  if (!traced.isRedirecting) traced.redirects = 0;
  traced.isRedirecting = false;
  const call = startAttempt(config, options, args, latest);
  if (call === undefined) return transport(...args);
  traced.latest = call;
  return send(config, call, options, transport, args, traced);
}

/** Starts the call of an attempt, and lays its headers over those that got is about to send; `options` keep the application's own. */
function startAttempt(
  config: ClientConfig,
  options: Options,
  args: unknown[],
  previous: ClientCall | undefined,
): ClientCall | undefined {
  try {
    return layHeaders(config, options, args, previous);
  } catch (error) {
    reportFailure("reading a request of got", error);
    return undefined;
  }
}

function layHeaders(
  config: ClientConfig,
  options: Options,
  args: unknown[],
  previous: ClientCall | undefined,
): ClientCall | undefined {
  // `(url, request)`; `(request, callback)` where a cache that got has asked sends it.
  const at = typeof args[1] === "object" ? 1 : 0;
  const request = args[at] as { headers: unknown };
  const hookRequest = config.hooked ? options : undefined;
  const call = startCall(config, options.method, String(options.url), request.headers, hookRequest, previous, options.body);
  if (call?.headers === undefined) return call;
  const headers = withHeaders(request.headers, call.headers, call.replaced);
  // What the cache is given back is part of what it stores; what got is given back it forgets.
  if (at === 0) args[0] = { ...request, headers };
  else request.headers = headers;
  return call;
}
