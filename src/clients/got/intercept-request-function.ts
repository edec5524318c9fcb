import type { Options } from "got";
import { sendInterceptedAttempt } from "./attempt.ts";
import { addHiddenHook, hideCopiedHooks } from "./hook-list.ts";
import type { BeforeRequestHook, BeforeRequestHooks } from "./hook-list.ts";
import type { RequestFunction, TracedRequest } from "./traced-request.ts";

/**
 * Calls {@link sendInterceptedAttempt} in place of the request function, for each attempt that is made with `options` or with a copy of them.
 *
 * got calls `options.getRequestFunction()` after all hooks have run, when URL and headers are final, unless a hook has returned a response. (The
 * option `request` would be used as late, but the application's hooks would see it, and got ignores timeouts of http2 requests that have it.) got
 * copies the options for each retry and redirect; a hidden hook intercepts the request function of each copy.
 *
 * Instances that are traced more than once intercept the request function of each other: the one that is added last is the outermost.
 */
export function interceptRequestFunction(options: Options, request: TracedRequest): void {
  let intercepted = options;
  const interceptCopy: BeforeRequestHook = (copy) => {
    if (copy === intercepted) return;
    intercepted = copy;
    hideCopiedHooks(copy.hooks as unknown as BeforeRequestHooks);
    replaceRequestFunction(copy, request);
  };
  addHiddenHook(options.hooks as unknown as BeforeRequestHooks, interceptCopy, request.hasInner);
  replaceRequestFunction(options, request);
}

/** Whether the request function of an attempt is intercepted, by any copy of this package. */
export function isIntercepted(options: Options): boolean {
  return Object.hasOwn(options, "getRequestFunction");
}

function replaceRequestFunction(options: Options, request: TracedRequest): void {
  // A method of the class, or the function of an inner interceptor.
  const { getRequestFunction } = options as { getRequestFunction: (this: Options) => RequestFunction | undefined };
  const value = (): RequestFunction | undefined => {
    const requestFunction = getRequestFunction.call(options);
    return requestFunction && ((...args) => sendInterceptedAttempt(request, options, requestFunction, args));
  };
  Object.defineProperty(options, "getRequestFunction", { configurable: true, writable: true, value });
}
