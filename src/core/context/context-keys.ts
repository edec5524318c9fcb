import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { getRPCMetadata, suppressTracing } from "@opentelemetry/core";

// OpenTelemetry's context keys are private. Its public functions reveal them to a context that records the key it is asked for. A key that is
// not revealed (another API might keep its spans elsewhere) is undefined, and contexts then fall back on the public functions.
export const SPAN_KEY: symbol | undefined = findKey((probe) => trace.getSpan(probe));
export const SUPPRESSION_KEY: symbol | undefined = findKey((probe) => suppressTracing(probe));
export const RPC_METADATA_KEY: symbol | undefined = findKey((probe) => getRPCMetadata(probe));

function findKey(use: (probe: Context) => unknown): symbol | undefined {
  let requested: symbol | undefined;
  const record = (key: symbol): Context => {
    requested = key;
    return ROOT_CONTEXT;
  };
  try {
    use({ getValue: record, setValue: record, deleteValue: record });
  } catch {
    return undefined;
  }
  return requested;
}
