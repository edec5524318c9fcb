import { context } from "@opentelemetry/api";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import { isTracingActive, startCall } from "../../core/calls/start-call.ts";
import { ensureLastSubscriber, areRequestsWatched, thirdPartySubscribedFirst } from "../../core/node/undici-channels.ts";
import { reportFailure, safeCall } from "../../core/telemetry/diagnostics.ts";
import { sharedState } from "../../core/telemetry/shared-state.ts";
import { bufferHeaders, fetchHeaders, fetchMethod, fetchSignal, fetchUrl, isRequest } from "./arguments.ts";
import type { FetchArguments } from "./arguments.ts";
import { setFetchHeaders } from "./headers.ts";
import { FetchLifecycle } from "./lifecycle.ts";
import { isGlobalDispatcherNative, isNodeFetch, isSentByApplication } from "./platform.ts";

type Fetch = typeof globalThis.fetch;

interface FetchTracing {
  /** Undefined while the instrumentation is undone: calls are only passed on. */
  readonly config: ClientConfig | undefined;
}

/**
 * Makes the traced function of a fetch function.
 *
 * @param isGlobal whether `original` is the global fetch: third-party instrumentation of the global then starts its span while it is called, and must
 * find tracing suppressed. A function of the application must not, because it may start spans of its own.
 */
export function makeTracedFetch(original: Fetch, tracing: FetchTracing, isGlobal: boolean): Fetch {
  const isNative = isGlobal && isNodeFetch(original);

  // `arguments` is passed on as it is, so that a call that is neither recorded nor propagated allocates nothing.
  function fetch(this: unknown): Promise<Response> {
    const { config } = tracing;
    if (config === undefined || !isTracingActive(config)) return Reflect.apply(original, this, arguments);
    return send.call(this, config, ...(arguments as unknown as FetchArguments));
  }

  function send(this: unknown, config: ClientConfig, ...args: FetchArguments): Promise<Response> {
    const call = startFetch(config, args);
    if (call === undefined) return Reflect.apply(original, this, args);
    if (call.headers !== undefined) safeCall("setting the headers of a request", setFetchHeaders, args, call);
    call.registerForRedirects();
    ensureLastSubscriber();
    const isWatched = areRequestsWatched();
    const isFollowed = call.mustEnd || (isWatched && !call.isInner);
    const lifecycle = isFollowed ? new FetchLifecycle(config, call, fetchSignal(args[0], args[1])) : undefined;
    call.first.suppressing = isGlobal || thirdPartySubscribedFirst();
    const needsContext = !isNative || isWatched || call.needsContext || !runsPlatformCodeAlone(args[0], args[1]);
    let result: Promise<Response>;
    try {
      result = needsContext ? context.with(call.context, original, this, ...args) : Reflect.apply(original, this, args);
    } catch (error) {
      lifecycle?.failed(error);
      throw error;
    }
    // A third-party wrapper has started its span by now; a subscriber does so when the request is created.
    call.first.suppressing &&= thirdPartySubscribedFirst();
    return lifecycle === undefined ? result : lifecycle.settled(result);
  }

  sharedState.instrumented.add(fetch);
  return copyProperties(fetch, original);
}

/**
 * Whether Node's native fetch runs no code of the application while it sends the request. Then the context need not be changed, which costs a quarter of a traced fetch
 * (`npm run bench:micro -- context`).
 */
function runsPlatformCodeAlone(input: FetchArguments[0], init: FetchArguments[1]): boolean {
  const { body, dispatcher } = (init ?? {}) as { body?: unknown; dispatcher?: unknown };
  return !isRequest(input) && !isSentByApplication(body) && dispatcher === undefined && isGlobalDispatcherNative();
}

/** Gives a wrapper the name, the length and the own properties (Bun's `fetch.preconnect`) of what it wraps. */
function copyProperties(wrapper: Fetch, original: Fetch): Fetch {
  const {
    prototype: _prototype,
    arguments: _arguments,
    caller: _caller,
    ...properties
  } = Object.getOwnPropertyDescriptors(original) as Record<string, PropertyDescriptor>;
  return Object.defineProperties(wrapper, properties);
}

function startFetch(config: ClientConfig, args: FetchArguments): ClientCall | undefined {
  try {
    bufferHeaders(args);
    const [input, init] = args;
    return startCall(config, {
      method: fetchMethod(input, init),
      url: fetchUrl(input),
      headers: fetchHeaders(input, init),
      request: config.hooked ? { input, init } : undefined,
      body: init?.body,
    });
  } catch (error) {
    // The platform's fetch reports an argument that cannot be read.
    reportFailure("reading the arguments of fetch", error);
    return undefined;
  }
}
