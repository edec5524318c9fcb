import { context } from "@opentelemetry/api";
import { hrefWithoutData, parseUrl } from "./core/http/urls.ts";
import { bufferIterable, withHeaders } from "./core/propagation/carrier.ts";
import { isTracingActive, startCall } from "./core/calls/start-call.ts";
import { clientConfig } from "./core/calls/client-config.ts";
import type { ClientCall } from "./core/calls/client-call.ts";
import type { ClientConfig } from "./core/calls/client-config.ts";
import { copyWithHeaders } from "./core/propagation/copy-with-headers.ts";
import { retain } from "./core/telemetry/retain.ts";
import type { Retained } from "./core/telemetry/retain.ts";
import { ensureLastSubscriber, thirdPartySubscribedFirst } from "./core/node/undici-channels.ts";
import { describe } from "./core/telemetry/options.ts";
import { BoundedCache } from "./core/http/bounded-cache.ts";
import type { ClientOptions } from "./core/telemetry/options.ts";
import { safeCall, reportFailure } from "./core/telemetry/diagnostics.ts";
import { sharedState } from "./core/telemetry/shared-state.ts";
import { FetchExchange } from "./clients/fetch/exchange.ts";
import { isGlobalDispatcherOwn, isNodeFetch, isSentByApplication } from "./clients/fetch/platform.ts";

/** What hooks are told of a fetch: its arguments. */
export interface FetchRequest {
  readonly input: string | URL | Request;
  readonly init: RequestInit | undefined;
}

/** Options of {@link instrumentFetch} and {@link wrapFetch}. */
export type FetchOptions = ClientOptions<FetchRequest, Response>;

type Fetch = typeof globalThis.fetch;

/**
 * Wraps the global fetch, once however often it is called: each request gets a CLIENT span and carries the trace context. Of several copies of
 * this package the first one's wrapper serves all, until that copy undoes it.
 *
 * @returns the function that undoes it. A wrapper that somebody put on afterwards stays; ours beneath it then only passes calls on.
 * @throws TypeError for a bad option, or where there is no global fetch.
 *
 * @example
 * const undo = instrumentFetch();
 * await fetch("https://agents.example/rpc", { method: "POST", body });
 */
export function instrumentFetch(options: FetchOptions = {}): () => void {
  const config = clientConfig("instrumentFetch", options);
  const original = globalThis.fetch;
  if (typeof original !== "function") throw new TypeError("instrumentFetch: this runtime has no global fetch");
  if (sharedState.instrumented.has(original)) return retain(owners.get(original));
  let active = true;
  const fetch = traced(original, config, true, () => active);
  const restore = replaceGlobalFetch(fetch);
  owners.set(fetch, {
    count: 0,
    remove: () => {
      active = false;
      sharedState.instrumented.delete(fetch);
      if (globalThis.fetch === fetch) restore();
    },
  });
  return retain(owners.get(fetch));
}

/** Puts a function in the place of the global fetch, and returns what puts the old property back as it was. */
function replaceGlobalFetch(fetch: Fetch): () => void {
  const property = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  if (property?.configurable === false) {
    const original = globalThis.fetch;
    globalThis.fetch = fetch;
    return () => (globalThis.fetch = original);
  }
  const enumerable = property?.enumerable ?? true;
  Object.defineProperty(globalThis, "fetch", { configurable: true, enumerable, writable: true, value: fetch });
  return () => {
    if (property === undefined) Reflect.deleteProperty(globalThis, "fetch");
    else Object.defineProperty(globalThis, "fetch", property);
  };
}

const owners = new WeakMap<Fetch, Retained>();

/**
 * Wraps a fetch function, for clients that take one (`fetchImpl`). The given function is not changed; one that is wrapped already is
 * returned as it is.
 *
 * @throws TypeError for a bad option, or where `fetch` is no function.
 *
 * @example
 * const client = await createClient({ fetchImpl: wrapFetch(fetch) });
 */
export function wrapFetch<F extends Fetch>(fetch: F, options: FetchOptions = {}): Fetch & F {
  const config = clientConfig("wrapFetch", options);
  if (typeof fetch !== "function") throw new TypeError(`wrapFetch: fetch must be a function, not ${describe(fetch)}`);
  return sharedState.instrumented.has(fetch) ? fetch : (traced(fetch, config, fetch === globalThis.fetch, () => true) as F);
}

/**
 * @param isGlobal whether `original` is the platform's own, or what others made of it: foreign instrumentation then starts its span while
 * it is called, and must find tracing suppressed. A function of the application's must not: it may start spans of its own.
 */
function traced(original: Fetch, config: ClientConfig, isGlobal: boolean, isActive: () => boolean): Fetch {
  const isNativeFunction = isGlobal && isNodeFetch(original);

  // Arguments that are only handed on are never made an object: a call of which nothing is told costs no memory.
  function fetch(this: unknown): Promise<Response> {
    if (!isActive() || !isTracingActive(config)) return Reflect.apply(original, this, arguments);
    return Reflect.apply(send, this, arguments);
  }

  function send(this: unknown, ...args: FetchArguments): Promise<Response> {
    const call = startFetch(config, args);
    if (call === undefined) return Reflect.apply(original, this, args);
    if (call.headers !== undefined) safeCall("laying headers over a request", layHeaders, args, call);
    // Nothing is recorded and nothing is active but what was: there is nothing to follow.
    if (call.context === call.parent && !call.observed) return Reflect.apply(original, this, args);

    const others = ensureLastSubscriber();
    const exchange = call.observed ? new FetchExchange(config, call, signalOf(args)) : undefined;
    call.suppressing = isGlobal || thirdPartySubscribedFirst();
    let result: Promise<Response>;
    try {
      result =
        isNativeFunction && !others && !call.isFoundByContext() && runsNoOtherCode(args)
          ? Reflect.apply(original, this, args)
          : context.with(call.context, original, this, ...args);
    } catch (error) {
      exchange?.failed(error);
      throw error;
    }
    // A foreign wrapper has started its span by now; a foreign subscriber does so when the request is created.
    call.suppressing &&= thirdPartySubscribedFirst();
    return exchange === undefined ? result : exchange.settled(result);
  }

  sharedState.instrumented.add(fetch);
  return keepProperties(fetch, original);
}

/** Whether all that a request runs beneath Node's fetch is Node's. */
function runsNoOtherCode([input, init]: FetchArguments): boolean {
  const { body, dispatcher } = (init ?? {}) as { body?: unknown; dispatcher?: unknown };
  return !isRequest(input) && !isSentByApplication(body) && dispatcher === undefined && isGlobalDispatcherOwn();
}

type FetchArguments = [input: string | URL | Request, init?: RequestInit, ...rest: unknown[]];

/** Gives a wrapper the name, the length and the own properties (Bun's `fetch.preconnect`) of what it wraps. */
function keepProperties(wrapper: Fetch, original: Fetch): Fetch {
  const {
    prototype: _,
    arguments: __,
    caller: ___,
    ...properties
  } = Object.getOwnPropertyDescriptors(original) as Record<string, PropertyDescriptor>;
  return Object.defineProperties(wrapper, properties);
}

function startFetch(config: ClientConfig, args: FetchArguments): ClientCall | undefined {
  try {
    keepIterator(args);
    const [input, init] = args;
    const headers = init?.headers ?? (isRequest(input) ? input.headers : undefined);
    return startCall(
      config,
      methodOf(input, init),
      urlOf(input),
      headers,
      config.hooked ? { input, init } : undefined,
      undefined,
      init?.body,
    );
  } catch (error) {
    // An argument that cannot be read: the platform's fetch has its own word on that.
    reportFailure("reading the arguments of fetch", error);
    return undefined;
  }
}

/** Headers given as an iterator can be read only once: they become an array, which we and the platform can both read. */
function keepIterator(args: FetchArguments): void {
  const headers = args[1]?.headers as { next?: unknown } | undefined;
  if (typeof headers?.next !== "function") return;
  args[1] = initWith(args[1], bufferIterable(headers as Iterable<[string, string]>) as [string, string][]);
}

// The Fetch standard upper-cases these six and no others ("normalize a method").
const NORMALIZED = /^(?:delete|get|head|options|post|put)$/i;

function methodOf(input: FetchArguments[0], init: RequestInit | undefined): string {
  const given = init?.method as string | null | undefined;
  if (given === undefined) return isRequest(input) ? input.method : "GET";
  if (given === "POST" || given === "GET") return given;
  const method = String(given); // null has a name too
  return NORMALIZED.test(method) ? method.toUpperCase() : method;
}

const normalized = new BoundedCache<string>();

/** The URL that is asked for, normalised; what was asked lately is at hand. */
function urlOf(input: FetchArguments[0]): string {
  if (isRequest(input)) return input.url;
  const text = String(input);
  const known = normalized.get(text);
  if (known !== undefined) return known;
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  const url = parseUrl(text, base);
  if (url === undefined) return text;
  const href = hrefWithoutData(url);
  // The page that a relative one is relative to may change.
  if (base === undefined) normalized.set(text, href);
  return href;
}

/** A `Request`, also of another realm or of the undici package. */
function isRequest(input: FetchArguments[0]): input is Request {
  return typeof input === "object" && typeof (input as Partial<Request>).url === "string" && "headers" in input;
}

function signalOf([input, init]: FetchArguments): AbortSignal | null | undefined {
  return init?.signal === undefined && isRequest(input) ? input.signal : init?.signal;
}

/** Puts the call's headers into a copy of the caller's init. */
function layHeaders(args: FetchArguments, call: ClientCall): void {
  const [input, init] = args;
  const given = init?.headers;
  // The platform refuses these itself.
  if (init !== undefined && init !== null && init !== Object(init)) return;
  if (given === null || (given !== undefined && typeof given !== "object")) return;
  const request = given === undefined && isRequest(input) ? input : undefined;
  const headers = withHeaders(given ?? request?.headers, call.headers as Record<string, string>, call.replaced) as HeadersInit;
  args[1] = initWith(init, headers);
  // A Request that is given an init that says something loses its referrer (Fetch standard, Request constructor), unless the init has it.
  if (request !== undefined && saysNothing(init) && request.referrer !== "about:client" && keepsReferrer(request)) {
    args[1] = { ...args[1], referrer: request.referrer, referrerPolicy: request.referrerPolicy };
  }
}

// RequestInit of the Fetch standard, with undici's `dispatcher`.
const INIT_MEMBERS =
  "method headers body referrer referrerPolicy mode credentials cache redirect integrity keepalive signal duplex priority window dispatcher";
const initMembers = INIT_MEMBERS.split(" ") as (keyof RequestInit)[];

/** Whether an init is empty as the platform reads it: by name, so that one of a class counts, and one of undefined values does not. */
function saysNothing(init: RequestInit | null | undefined): boolean {
  return init === undefined || init === null || initMembers.every((name) => init[name] === undefined);
}

/** Whether a Request made of another keeps its referrer; that of Node 24 loses it, and so must we. */
function keepsReferrer({ url, referrer }: Request): boolean {
  return new Request(new Request(url, { referrer })).referrer === referrer;
}

/** A copy of an init with other headers. */
function initWith(init: RequestInit | undefined, headers: HeadersInit): RequestInit {
  return init === undefined || init === null ? { headers } : copyWithHeaders(init, headers);
}
