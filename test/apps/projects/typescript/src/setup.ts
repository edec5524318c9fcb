import "a2a-otel/register";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { setupPropagation } from "a2a-otel/setup";
import type { PropagationSetup, SetupOptions } from "a2a-otel/setup";
import { same } from "./type.js";

const options: SetupOptions = { propagator: new W3CTraceContextPropagator(), contextManager: false };
const setup = setupPropagation(options);
same<typeof setup, PropagationSetup>();
setup.fields satisfies string[];
setup.propagator satisfies "ours" | "other" | "none";
setup.contextManager satisfies "ours" | "other" | "none";
setup.tracerProvider satisfies "other" | "none";
// @ts-expect-error no such option
setupPropagation({ sampler: undefined });
