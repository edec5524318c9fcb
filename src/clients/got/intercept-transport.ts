import type { Options } from "got";
import { listWithHiddenHook } from "./hook-list.ts";
import type { BeforeRequestHook } from "./hook-list.ts";

/** `http.request`, or the function that replaces it. */
export type Transport = (...args: unknown[]) => unknown;

/** Is called in place of the transport of an attempt, with the attempt's own copy of the options. */
export type Interceptor = (options: Options, transport: Transport, args: unknown[]) => unknown;

/**
 * Calls `intercept` in place of the transport, for each attempt that is made with `options` or with a copy of them.
 *
 * got asks its options for the transport after all hooks have run, when URL and headers are final, and does not ask if a hook has returned a response. (The
 * option `request` would be used as late, but the application's hooks would see it, and got ignores timeouts of http2 requests that have it.) got
 * copies the options for each retry and redirect; a hidden hook intercepts the transport of each copy.
 */
export function interceptTransport(options: Options, intercept: Interceptor): void {
  // Two traced instances were merged: the handler of the other one was called first.
  if (isIntercepted(options)) return;
  const interceptCopy: BeforeRequestHook = (copy) => {
    if (!isIntercepted(copy)) install(copy, intercept, interceptCopy);
  };
  install(options, intercept, interceptCopy);
}

function install(options: Options, intercept: Interceptor, interceptCopy: BeforeRequestHook): void {
  const value = (): Transport | undefined => {
    const prototype = Object.getPrototypeOf(options) as Options;
    const transport = prototype.getRequestFunction.call(options) as Transport | undefined;
    return transport && ((...args) => intercept(options, transport, args));
  };
  Object.defineProperty(options, "getRequestFunction", { configurable: true, writable: true, value });
  const hooks = options.hooks as unknown as { beforeRequest: readonly BeforeRequestHook[] };
  hooks.beforeRequest = listWithHiddenHook(hooks.beforeRequest, interceptCopy);
}

function isIntercepted(options: Options): boolean {
  return Object.hasOwn(options, "getRequestFunction");
}
