import { ROOT_CONTEXT, context, propagation, trace } from "@opentelemetry/api";
import type { ContextManager } from "@opentelemetry/api";
import { hasContextManager, isNoop } from "./tracer.ts";

/** The propagator, context manager and tracer provider that are in effect. */
export interface PropagationSetup {
  /** The names of the headers that the global propagator reads and writes. */
  fields: string[];
  propagator: "ours" | "other" | "none";
  contextManager: "ours" | "other" | "none";
  tracerProvider: "other" | "none";
}

/** What `setupPropagation()` has registered globally. */
export const registered: { propagator: boolean; contextManager: ContextManager | undefined } = {
  propagator: false,
  contextManager: undefined,
};

/** Returns what is in effect now, without registering anything. */
export function propagationStatus(): PropagationSetup {
  const fields = propagation.fields();
  return {
    fields,
    propagator: fields.length === 0 ? "none" : registered.propagator ? "ours" : "other",
    contextManager: hasContextManager() ? (isOwnContextManager() ? "ours" : "other") : "none",
    tracerProvider: isNoop(trace.getTracerProvider()) ? "none" : "other",
  };
}

function isOwnContextManager(): boolean {
  const probe = ROOT_CONTEXT.setValue(Symbol("probe"), true);
  return registered.contextManager?.with(probe, () => context.active() === probe) === true;
}
