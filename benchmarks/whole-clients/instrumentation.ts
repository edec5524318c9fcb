import { context } from "@opentelemetry/api";
import { USUAL } from "../scenarios/scenario.ts";
import { startTelemetry } from "../scenarios/telemetry.ts";
import type { Tracing } from "./whole-client.ts";

/** A tracing library that was set up before the client was loaded. */
export interface Instrumentation {
  /** Runs the work inside the span of a request that the agent handles. */
  readonly runInRequestSpan: (work: () => Promise<void>) => Promise<void>;
  /** Exports the recorded spans. */
  readonly flush: () => Promise<void>;
}

const KEY = Symbol.for("a2a-otel.benchmarks.instrumentation");

/** Called by modules that set up another library and are loaded with `--import`. */
export function registerInstrumentation(instrumentation: Instrumentation): void {
  (globalThis as Record<symbol, unknown>)[KEY] = instrumentation;
}

/** The registered instrumentation; else, if calls are traced, the SDK that this library and the SDK baseline use. */
export function activeInstrumentation(tracing: Tracing): Instrumentation {
  const registered = (globalThis as Record<symbol, unknown>)[KEY] as Instrumentation | undefined;
  if (registered !== undefined) return registered;
  return tracing === "none" ? { runInRequestSpan: (work) => work(), flush: async () => {} } : startSdk();
}

/** Starts the same SDK as for the tables of own time. */
export function startSdk(): Instrumentation {
  const { parent, flush } = startTelemetry({ ...USUAL, state: "sampled" });
  return { runInRequestSpan: (work) => context.with(parent, work), flush };
}
