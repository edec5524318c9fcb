import { channel } from "node:diagnostics_channel";
import http from "node:http";
import https from "node:https";
import { context } from "@opentelemetry/api";
import type { Options } from "got";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { startCall } from "../../core/calls/start-call.ts";
import { CallContext } from "../../core/context/call-context.ts";
import { createPatchDetector } from "../../core/node/native-function.ts";
import { withHeaders } from "../../core/propagation/carrier.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import { AttemptObserver, isPromise } from "./attempt-observer.ts";
import type { RequestFunction, TracedRequest } from "./traced-request.ts";

/** Sends an attempt and records it, if it is to be recorded. `options` are the attempt's own copy, and are not changed. */
export function sendInterceptedAttempt(
  request: TracedRequest,
  options: Options,
  requestFunction: RequestFunction,
  args: unknown[],
): unknown {
  const previous = request.latestCall;
  // The body of a redirect may still be arriving, or never end.
  previous?.end();
  if (!request.isRedirected) request.redirectCount = 0;
  request.isRedirected = false;

  const call = startGotCall(request, options, args);
  if (call === undefined) return requestFunction(...args);
  if (call.isInner) return requestFunction(...args);
  request.latestCall = call;
  const runsInContext = request.hasInner || isHttpInstrumented(options);
  if (!runsInContext && !call.mustEnd) return requestFunction(...args);

  const observer = new AttemptObserver(request, call, options);
  const { first } = call;
  first.suppressing = true;
  let result: unknown;
  try {
    result = runsInContext ? runInContext(call, requestFunction, args) : requestFunction(...args);
  } catch (error) {
    first.suppressing = false;
    observer.failed(error);
    throw error;
  }
  if (isPromise(result)) {
    // got's own request function for http2 first asks the server which protocol it speaks, and then makes the request.
    first.suppressing = options.request === undefined;
    return observePromise(observer, first, result);
  }
  first.suppressing = false;
  observer.observe(result);
  return result;
}

/** Starts the call of an attempt and adds its headers to the arguments of the request function. */
function startGotCall({ config, latestCall }: TracedRequest, options: Options, args: unknown[]): ClientCall | undefined {
  try {
    // The arguments are `(url, request)`, or `(request, callback)` if they come from the cache that got uses.
    const index = typeof args[1] === "object" ? 1 : 0;
    const request = args[index] as { headers: unknown };
    const call = startCall(config, {
      method: options.method,
      url: String(options.url),
      headers: request.headers,
      request: config.hooked ? options : undefined,
      previous: latestCall,
      body: options.body,
    });
    if (call?.headers === undefined) return call;
    const headers = withHeaders(request.headers, call.headers, call.replaced);
    // The cache stores the request that it has passed, so that is copied. The request that got passes is not used again.
    if (index === 0) args[0] = { ...request, headers };
    else request.headers = headers;
    return call;
  } catch (error) {
    reportFailure("reading a request of got", error);
    return undefined;
  }
}

const isHttpPatched = createPatchDetector(http, https);
const startChannel = channel("http.client.request.start");
const createdChannel = channel("http.client.request.created");

/** Whether other instrumentation may be active below got, which must find tracing suppressed. This check costs less than a change of context. */
function isHttpInstrumented({ request }: Options): boolean {
  return request !== undefined || isHttpPatched() || startChannel.hasSubscribers || createdChannel.hasSubscribers;
}

/** Runs the request function in the application's own context with the call's switch for suppression: listeners keep the context that a request is made in. */
function runInContext({ first, parent }: ClientCall, requestFunction: RequestFunction, args: unknown[]): unknown {
  return context.with(new CallContext(parent, undefined, first), requestFunction, undefined, ...args);
}

async function observePromise(observer: AttemptObserver, first: ClientCall, promise: Promise<unknown>): Promise<unknown> {
  try {
    const result = await promise;
    first.suppressing = false;
    observer.observe(result);
    return result;
  } catch (error) {
    first.suppressing = false;
    observer.failed(error);
    throw error;
  }
}
