export { baggageSpanProcessor } from "./a2a/baggage-span-processor.ts";
export type { BaggageSpanProcessor } from "./a2a/baggage-span-processor.ts";
export { wrapA2AClient } from "./a2a/client.ts";
export { wrapRequestHandler } from "./a2a/handler.ts";
export type { A2AOptions } from "./core/telemetry/options.ts";
