import type { Histogram, Tracer } from "@opentelemetry/api";
import { HTTP_CLIENT_REQUEST_DURATION } from "../http/attributes.ts";
import { durationSource } from "../telemetry/meter.ts";
import { CLIENT_OPTIONS, checkOptions } from "../telemetry/check-options.ts";
import type { Checked } from "../telemetry/check-options.ts";
import { requestRules } from "../telemetry/request-rules.ts";
import type { ClientOptions } from "../telemetry/options.ts";
import type { RequestRules } from "../telemetry/request-rules.ts";
import { compileOption, compilePolicy } from "../propagation/policy.ts";
import type { Policy } from "../propagation/policy.ts";
import { compileTelemetrySinks } from "../propagation/telemetry-sinks.ts";
import { propagationSource } from "../propagation/propagator.ts";
import type { Propagation } from "../propagation/propagator.ts";
import { targetSource } from "../http/target.ts";
import type { Target } from "../http/target.ts";
import { tracerSource } from "../telemetry/tracer.ts";

/** A client's options, read once at set-up. */
export interface ClientConfig extends RequestRules {
  readonly options: ClientOptions;
  /** Which URLs may receive trace context and baggage. */
  readonly policy: Policy;
  /** Whether there are hooks: only then adapters make the object in which hooks receive the request. */
  readonly hooked: boolean;
  readonly target: (method: string, url: string) => Target;
  readonly tracer: () => Tracer | undefined;
  readonly propagation: () => Propagation | undefined;
  readonly duration: () => Histogram | undefined;
}

/**
 * Checks a client's options and compiles them.
 *
 * @param caller the public function that received the options, for error messages.
 * @param checks those of the client's options; default: those that all clients share.
 * @throws TypeError for an unknown option or an invalid value.
 */
export function clientConfig<Request, Response>(
  caller: string,
  options: ClientOptions<Request, Response> = {},
  checks: Checked<object> = CLIENT_OPTIONS,
): ClientConfig {
  checkOptions(caller, options, checks);
  const { endSpanOn, ignoreRequestHook, startSpanHook, requestHook, responseHook, urlTemplate } = options;
  const rules = requestRules(options);
  const isSink = compileOption(caller, "telemetrySinks", () => compileTelemetrySinks(options.telemetrySinks));
  return {
    ...rules,
    options: options as ClientOptions,
    policy: compilePolicy(caller, options),
    hooked: [endSpanOn, ignoreRequestHook, startSpanHook, requestHook, responseHook, urlTemplate].some(
      (hook) => typeof hook === "function",
    ),
    target: targetSource(rules, isSink),
    tracer: tracerSource(options.tracerProvider),
    propagation: propagationSource(options.propagator),
    duration: durationSource(options.meterProvider, HTTP_CLIENT_REQUEST_DURATION, "Duration of HTTP client requests."),
  };
}
