import type { Context, Span } from "@opentelemetry/api";
import type { Api } from "../app-modules.ts";

/**
 * A context that remembers which spans were laid over it, or over contexts that derive from it: an instrumentation that starts a span for a call puts it into
 * the context from which it injects. So the spans of a call can be seen with the API alone, and no SDK is touched.
 */
export function observingContext(api: Api, context: Context, seen: Set<Span>): Context {
  return {
    getValue: (key) => context.getValue(key),
    setValue(key, value) {
      if (isSpan(api, value)) seen.add(value);
      return observingContext(api, context.setValue(key, value), seen);
    },
    deleteValue: (key) => observingContext(api, context.deleteValue(key), seen),
  };
}

/** Whether a value is a span that somebody started: one where tracing is suppressed has no valid context. */
function isSpan(api: Api, value: unknown): value is Span {
  const span = value as Partial<Span> | null | undefined;
  return typeof span?.spanContext === "function" && api.isSpanContextValid(span.spanContext());
}
