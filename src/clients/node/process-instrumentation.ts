import { traceHttpRequests } from "../../core/node/http-channels.ts";
import { traceUndiciRequests } from "../../core/node/undici-channels.ts";
import { GlobalInstrumentation, processInstrumentation } from "../../core/telemetry/global-instrumentation.ts";
import { createHttpTracer } from "./http-request.ts";
import type { NodeConfig } from "./node-config.ts";
import { createUndiciTracer } from "./undici-request.ts";

/** One call of a function that instruments the process. */
type Installation = Parameters<GlobalInstrumentation<NodeConfig>["install"]>[0];

/** Instruments the process, or adds to its instrumentation. Returns the function that undoes it. */
export function instrumentProcess(installation: Installation): () => void {
  return processInstrumentation(createInstrumentation).install(installation);
}

function createInstrumentation(remove: () => void): GlobalInstrumentation<NodeConfig> {
  const instrumentation = new GlobalInstrumentation<NodeConfig>(() => {
    remove();
    traceUndiciRequests(undefined);
    traceHttpRequests(undefined);
  });
  traceUndiciRequests(createUndiciTracer(instrumentation));
  traceHttpRequests(createHttpTracer(instrumentation));
  return instrumentation;
}
