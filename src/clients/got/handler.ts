import type { HandlerFunction, Options } from "got";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import { isTracingActive } from "../../core/calls/start-call.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import { interceptRequestFunction, isIntercepted } from "./intercept-request-function.ts";
import type { TracedRequest } from "./traced-request.ts";

/**
 * Creates the handler that traces the attempts of each request. got calls it once for a request and once for each page of `paginate`, and accepts
 * from it nothing but the options that it received and the result of the next handler.
 */
export function createTraceHandler(config: ClientConfig): HandlerFunction {
  return (options, next) => {
    if (!isTracingActive(config)) return next(options);
    const request: TracedRequest = {
      config,
      result: undefined,
      redirectCount: 0,
      isRedirected: false,
      hasInner: false,
      latestCall: undefined,
    };
    try {
      traceAttempts(request, options);
    } catch (error) {
      reportFailure("preparing a request of got", error);
    }
    return (request.result = next(options));
  };
}

function traceAttempts(request: TracedRequest, options: Options | undefined): void {
  // got passes no options if the URL is invalid; then it sends nothing.
  if (options === undefined) return;
  request.hasInner = isIntercepted(options);
  interceptRequestFunction(options, request);
}
