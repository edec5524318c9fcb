export { continueTrace, extractTraceContext, injectTraceContext } from "./propagation.ts";
export type { ContinueOptions, ReadableCarrier, WritableCarrier } from "./propagation.ts";
export type { ClientOptions, HeadersToSpanAttributes, ServerOptions } from "./core/options.ts";
