import type { Context, Span } from "@opentelemetry/api";
import type { Api } from "../app-modules.ts";

/**
 * A context that collects the spans that are set on it, or on contexts derived from it. An instrumentation sets the span of a call on the context
 * from which it injects, so the spans of a call can be observed with the API alone, without changing the SDK.
 */
export function observingContext(api: Api, context: Context, spans: Set<Span>): Context {
  return {
    getValue: (key) => context.getValue(key),
    setValue(key, value) {
      if (isValidSpan(api, value)) spans.add(value);
      return observingContext(api, context.setValue(key, value), spans);
    },
    deleteValue: (key) => observingContext(api, context.deleteValue(key), spans),
  };
}

/** If tracing is suppressed, a span has no valid context: it was not started. */
function isValidSpan(api: Api, value: unknown): value is Span {
  const span = value as Partial<Span> | null | undefined;
  return typeof span?.spanContext === "function" && api.isSpanContextValid(span.spanContext());
}
