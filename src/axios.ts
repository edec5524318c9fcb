import type { AxiosInstance, AxiosResponse, InternalAxiosRequestConfig } from "axios";
import { retain } from "./core/telemetry/retain.ts";
import type { Retained } from "./core/telemetry/retain.ts";
import { isTracingActive } from "./core/calls/start-call.ts";
import { clientConfig } from "./core/calls/client-config.ts";
import type { ClientOptions } from "./core/telemetry/options.ts";
import { sharedState } from "./core/telemetry/shared-state.ts";
import { connectChannels } from "./core/node/undici-channels.ts";
import { earlierAttempt, send } from "./clients/axios/attempt.ts";
import type { Instrumentation } from "./clients/axios/attempt.ts";
import type { Adapter } from "./clients/axios/config.ts";
import { connectHttpChannels } from "./clients/axios/transport.ts";

/** Options of {@link instrumentAxios}: hooks are told of axios's request config and of its response. */
export type AxiosOptions = ClientOptions<InternalAxiosRequestConfig, AxiosResponse>;

/** What is needed of axios: `axios` itself, an instance made by `create()`, a `new Axios()`, of any 1.x and of any build. */
export interface AxiosLike {
  readonly interceptors: { readonly request: object };
}

/** An interceptor as axios keeps it. */
interface Handler {
  readonly fulfilled: (config: InternalAxiosRequestConfig) => InternalAxiosRequestConfig;
  readonly rejected: undefined;
  readonly synchronous: true;
  readonly runWhen: (config: InternalAxiosRequestConfig) => boolean;
}

type ForEach = (visit: (handler: Handler) => void) => void;

interface InterceptorManager {
  forEach: ForEach;
  /** axios's own list, so it is only looked at. */
  readonly handlers?: unknown;
}

/**
 * Instruments an axios instance in place, once however often it is called: each request gets a CLIENT span and carries the trace context.
 * A span ends with the last byte of the response. Redirects are followed inside axios: one span for the call. A failed config that is sent
 * again (axios-retry) is an attempt of its own, with `http.request.resend_count`.
 *
 * @param instance `axios` or what `axios.create()` made; instances made from it later are not instrumented with it.
 * @returns the function that undoes it; the instance is then as it was.
 * @throws TypeError for a bad option, or where `instance` is no axios instance.
 *
 * @example
 * const client = axios.create({ baseURL: "https://agents.example" });
 * const undo = instrumentAxios(client);
 * await client.post("/rpc", { jsonrpc: "2.0" });
 */
export function instrumentAxios(instance: AxiosLike, options: AxiosOptions = {}): () => void {
  const config = clientConfig("instrumentAxios", options);
  const manager = instance?.interceptors?.request as InterceptorManager | undefined;
  if (typeof manager?.forEach !== "function") {
    throw new TypeError(`instrumentAxios: instance must be axios or an instance of it, not ${typeof instance}`);
  }
  if (sharedState.instrumented.has(manager)) return retain(owners.get(manager));

  const instrumentation: Instrumentation = { config, instance: instance as AxiosInstance, active: true, build: undefined };
  const restore = runLast(
    manager,
    () => isTracingActive(config),
    (request) => {
      swapAdapter(instrumentation, request);
      return request;
    },
  );
  sharedState.instrumented.add(manager);
  owners.set(manager, {
    count: 0,
    remove: () => {
      instrumentation.active = false;
      sharedState.instrumented.delete(manager);
      // Or it would be counted on when another copy of the package has instrumented the instance since.
      owners.delete(manager);
      restore();
    },
  });
  return retain(owners.get(manager));
}

/** Puts our adapter in the place of a request's own: it sees the final request, always settles, and keeps the context. */
function swapAdapter(instrumentation: Instrumentation, request: InternalAxiosRequestConfig): void {
  if (typeof request !== "object" || request === null || !instrumentation.active) return;
  connectChannels();
  connectHttpChannels();
  const earlier = earlierAttempt(request.adapter);
  const own = earlier === undefined ? request.adapter : earlier.own;
  const adapter: Adapter = (config) => send(instrumentation, own, config, earlier?.call);
  try {
    request.adapter = adapter;
  } catch {
    // A frozen config goes its way untraced: axios has its own word on that.
  }
}

/**
 * Has an interceptor run after all others, whenever they were registered, as if it were not there: the list of handlers and their ids
 * stay the application's own. It is synchronous, since one that is not makes the whole chain asynchronous. A request for which it is not wanted
 * does not know of it: axios makes arrays of what it visits.
 *
 * axios walks the handlers by `forEach` and puts each before the earlier ones, but after them with `legacyInterceptorReqResOrdering: false`:
 * so ours is visited first or last, whichever makes it run last.
 *
 * @returns the function that undoes it.
 */
function runLast(manager: InterceptorManager, isWanted: () => boolean, fulfilled: Handler["fulfilled"]): () => void {
  const property = Object.getOwnPropertyDescriptor(manager, "forEach");
  const original = manager.forEach;
  let inReverse = true;
  const visitedFirst: Handler = {
    fulfilled,
    rejected: undefined,
    synchronous: true,
    runWhen: (config) => (inReverse = runsInReverse(config)),
  };
  const visitedLast: Handler = { ...visitedFirst, runWhen: () => true };
  // Where there are no others the request is final already, and axios need not make a chain for one.
  const visitedAlone: Handler = {
    ...visitedFirst,
    runWhen: (config) => {
      inReverse = true;
      fulfilled(config);
      return false;
    },
  };
  let active = true;
  const forEach: ForEach = function (this: unknown, visit) {
    const visited = active && isWanted();
    if (visited) visit(hasHandlers(manager) ? visitedFirst : visitedAlone);
    original.call(this, visit);
    if (visited && !inReverse) visit(visitedLast);
  };
  Object.defineProperty(manager, "forEach", { configurable: true, enumerable: false, writable: true, value: forEach });
  return () => {
    active = false;
    if (manager.forEach !== forEach) return;
    if (property === undefined) Reflect.deleteProperty(manager, "forEach");
    else Object.defineProperty(manager, "forEach", property);
  };
}

function hasHandlers({ handlers }: InterceptorManager): boolean {
  return !Array.isArray(handlers) || handlers.length > 0;
}

function runsInReverse({ transitional }: InternalAxiosRequestConfig): boolean {
  return transitional?.legacyInterceptorReqResOrdering !== false;
}

const owners = new WeakMap<object, Retained>();
