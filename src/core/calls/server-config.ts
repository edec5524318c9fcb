import type { Histogram, Tracer } from "@opentelemetry/api";
import { HTTP_SERVER_REQUEST_DURATION } from "../http/attributes.ts";
import { durationSource } from "../telemetry/meter.ts";
import { SERVER_OPTIONS, checkOptions } from "../telemetry/check-options.ts";
import { requestRules } from "../telemetry/request-rules.ts";
import type { RequestRules } from "../telemetry/request-rules.ts";
import type { ServerOptions } from "../telemetry/options.ts";
import { propagationSource } from "../propagation/propagator.ts";
import type { Propagation } from "../propagation/propagator.ts";
import { tracerSource } from "../telemetry/tracer.ts";

/** A server's options, read once at set-up. */
export interface ServerConfig extends RequestRules {
  readonly options: ServerOptions;
  readonly tracer: () => Tracer | undefined;
  readonly propagation: () => Propagation | undefined;
  readonly duration: () => Histogram | undefined;
}

/**
 * Checks and reads a server's options.
 *
 * @param caller the name of the function that received the options, for error messages.
 * @throws TypeError for an unknown option or an invalid value.
 */
export function serverConfig<Request, Response>(caller: string, options: ServerOptions<Request, Response> = {}): ServerConfig {
  checkOptions(caller, options, SERVER_OPTIONS);
  return {
    ...requestRules(options),
    options: options as ServerOptions,
    tracer: tracerSource(options.tracerProvider),
    propagation: propagationSource(options.propagator),
    duration: durationSource(options.meterProvider, HTTP_SERVER_REQUEST_DURATION, "Duration of HTTP server requests."),
  };
}
