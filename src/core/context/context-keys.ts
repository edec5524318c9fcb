import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { getRPCMetadata, suppressTracing } from "@opentelemetry/core";

// The keys of OpenTelemetry are private; the public functions tell them to a context that writes down what it is asked.
export const SPAN_KEY: symbol = keyOf((probe) => trace.getSpan(probe));
export const SUPPRESSION_KEY: symbol = keyOf((probe) => suppressTracing(probe));
export const RPC_METADATA_KEY: symbol = keyOf((probe) => getRPCMetadata(probe));

function keyOf(use: (probe: Context) => unknown): symbol {
  let seen: symbol | undefined;
  const note = (key: symbol): Context => {
    seen = key;
    return ROOT_CONTEXT;
  };
  use({ getValue: note, setValue: note, deleteValue: note });
  if (seen === undefined) throw new Error("a2a-otel: this @opentelemetry/api keeps spans in no context key");
  return seen;
}
