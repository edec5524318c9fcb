import { TraceFlags, context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { clearGlobals, startTelemetry } from "./telemetry.ts";
import type { TestTelemetry } from "./telemetry.ts";

/** What an application does with its spans. */
export type SdkState = "recorded" | "unsampled" | "no SDK";
export const SDK_STATES: readonly SdkState[] = ["recorded", "unsampled", "no SDK"];

/** Registers what belongs to a state. @returns the telemetry, whose spans are empty without an SDK. */
export function startState(state: SdkState): Pick<TestTelemetry, "own" | "settled" | "stop"> {
  if (state === "recorded") return startTelemetry();
  if (state === "unsampled") return startTelemetry({ sampler: new AlwaysOffSampler() });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return { own: () => [], settled: async () => {}, stop: async () => clearGlobals() };
}

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

/** Runs a function in the context of a request that was received with a trace context. */
export function inReceivedTrace<Result>(run: () => Result): Result {
  const caller = { traceId: TRACE_ID, spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED, isRemote: true };
  return context.with(trace.setSpanContext(context.active(), caller), run);
}

/** Runs a function in the context of a request that was received with a trace context and baggage. */
export function inReceivedRequest<Result>(run: () => Result): Result {
  const baggage = propagation.createBaggage({ tenant: { value: "1" }, secret: { value: "2" } });
  return inReceivedTrace(() => context.with(propagation.setBaggage(context.active(), baggage), run));
}
