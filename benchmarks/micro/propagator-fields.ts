import { propagation } from "@opentelemetry/api";
import type { Comparison } from "./comparison.ts";

const API_KEY = Symbol.for("opentelemetry.js.api.1");

const registeredPropagator = (): unknown => (globalThis as { [API_KEY]?: { propagation?: unknown } })[API_KEY]?.propagation;
let registered: unknown;
let fields: readonly string[] = [];

export const comparison: Comparison = {
  description: "Asks a propagator for its fields only if another one was registered, instead of for each call.",
  clever: () => {
    const current = registeredPropagator();
    if (current === undefined || current !== registered) {
      registered = current;
      fields = propagation.fields();
    }
    return fields.length;
  },
  obvious: () => propagation.fields().length,
};
