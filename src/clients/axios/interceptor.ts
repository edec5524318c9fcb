import type { InternalAxiosRequestConfig } from "axios";

/** An interceptor as axios stores it. */
interface Interceptor {
  readonly fulfilled: (request: InternalAxiosRequestConfig) => InternalAxiosRequestConfig;
  readonly rejected: undefined;
  readonly synchronous: true;
  readonly runWhen: (request: InternalAxiosRequestConfig) => boolean;
}

type ForEach = (visit: (interceptor: Interceptor) => void) => void;

/** The request interceptors of an axios instance. */
export interface InterceptorManager {
  forEach: ForEach;
  /** axios's internal list, which is only read. */
  readonly handlers?: unknown;
}

/**
 * Makes an interceptor run after all others, whenever those are registered. The list of interceptors and their ids do not change. The
 * interceptor is synchronous, because a single asynchronous one makes the whole chain asynchronous.
 *
 * axios collects the interceptors by `forEach` and prepends each to the chain, or appends it with `legacyInterceptorReqResOrdering: false`. So the
 * interceptor of this package is visited first or last, whichever makes it run last.
 *
 * @param isWanted if it returns false, the interceptor is not visited: axios allocates arrays for those that it visits.
 * @returns a function that removes the interceptor.
 */
export function addLastInterceptor(
  manager: InterceptorManager,
  isWanted: () => boolean,
  intercept: (request: InternalAxiosRequestConfig) => void,
): () => void {
  const property = Object.getOwnPropertyDescriptor(manager, "forEach");
  const original = manager.forEach;
  let isPrepended = true;
  const fulfilled: Interceptor["fulfilled"] = (request) => {
    intercept(request);
    return request;
  };
  const visitedFirst: Interceptor = {
    fulfilled,
    rejected: undefined,
    synchronous: true,
    runWhen: (request) => (isPrepended = prependsInterceptors(request)),
  };
  const visitedLast: Interceptor = { ...visitedFirst, runWhen: () => true };
  // Without other interceptors the request is final, and axios need not create a chain for a single one.
  const visitedAlone: Interceptor = {
    ...visitedFirst,
    runWhen: (request) => {
      intercept(request);
      return false;
    },
  };
  let isRemoved = false;
  const forEach: ForEach = function (this: unknown, visit) {
    const isVisited = !isRemoved && isWanted();
    const isAlone = !hasInterceptors(manager);
    if (isVisited && !isAlone) visit(visitedFirst);
    original.call(this, visit);
    // Alone, each instrumentation of the instance runs when it is visited: the one that was added last must be the last.
    if (isVisited && isAlone) visit(visitedAlone);
    else if (isVisited && !isPrepended) visit(visitedLast);
  };
  Object.defineProperty(manager, "forEach", { configurable: true, enumerable: false, writable: true, value: forEach });
  return () => {
    isRemoved = true;
    if (manager.forEach !== forEach) return;
    if (property === undefined) Reflect.deleteProperty(manager, "forEach");
    else Object.defineProperty(manager, "forEach", property);
  };
}

function hasInterceptors({ handlers }: InterceptorManager): boolean {
  return !Array.isArray(handlers) || handlers.length > 0;
}

function prependsInterceptors({ transitional }: InternalAxiosRequestConfig): boolean {
  return transitional?.legacyInterceptorReqResOrdering !== false;
}
