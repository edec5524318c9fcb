export { continueTrace, extractTraceContext, injectTraceContext } from "./propagation.ts";
export type { ContinueOptions, ReadableCarrier, WritableCarrier } from "./propagation.ts";
export { extractEnvironment, injectEnvironment } from "./environment.ts";
export type { Environment } from "./core/propagation/environment-carrier.ts";
export { isModelProvider, modelProviderHosts } from "./core/propagation/model-providers.ts";
export { isTelemetrySink, telemetrySinks } from "./core/propagation/telemetry-sinks.ts";
export type { TelemetrySink } from "./core/propagation/telemetry-sinks.ts";
export type { Matcher } from "./core/propagation/matchers.ts";
export type { ClientOptions, HeadersToSpanAttributes, Incoming, ServerOptions } from "./core/telemetry/options.ts";
