import { traceHttpRequests } from "../../core/node/http-channels.ts";
import { traceUndiciRequests } from "../../core/node/undici-channels.ts";
import { GlobalInstrumentation } from "../../core/telemetry/global-instrumentation.ts";
import { sharedState } from "../../core/telemetry/shared-state.ts";
import { createHttpTracer } from "./http-request.ts";
import type { NodeConfig } from "./node-config.ts";
import { createUndiciTracer } from "./undici-request.ts";

/** The instrumentation of the process, of any copy of this package. It is created with the first installation and removed with the last one. */
export function processInstrumentation(): GlobalInstrumentation<NodeConfig> {
  const { globalInstrumentations } = sharedState;
  // The process has no function that is replaced, so the instrumentation is found by the global object.
  const existing = globalInstrumentations.get(globalThis) as GlobalInstrumentation<NodeConfig> | undefined;
  if (existing !== undefined) return existing;
  const instrumentation = new GlobalInstrumentation<NodeConfig>(() => {
    globalInstrumentations.delete(globalThis);
    traceUndiciRequests(undefined);
    traceHttpRequests(undefined);
  });
  globalInstrumentations.set(globalThis, instrumentation);
  traceUndiciRequests(createUndiciTracer(instrumentation));
  traceHttpRequests(createHttpTracer(instrumentation));
  return instrumentation;
}
