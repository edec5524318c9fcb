import type { TextMapPropagator } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";

/** What each of our functions is given: W3C's formats whatever the product has registered, where the run asks for that. */
export const options: { propagator?: TextMapPropagator } =
  process.env["AGENT_PROPAGATOR"] === "w3c"
    ? { propagator: new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }) }
    : {};
