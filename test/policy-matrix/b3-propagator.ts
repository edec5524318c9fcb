import { TraceFlags, isSpanContextValid, trace } from "@opentelemetry/api";
import type { Context, TextMapGetter, TextMapPropagator, TextMapSetter } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";

/** A propagator of the B3 format, with one header or with several, which respects the suppression of tracing as OpenTelemetry's own does. */
export function b3Propagator(encoding: "single header" | "multiple headers"): TextMapPropagator {
  const single = encoding === "single header";
  return {
    fields: () => (single ? ["b3"] : ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"]),
    inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
      const spanContext = trace.getSpanContext(context);
      if (spanContext === undefined || !isSpanContextValid(spanContext) || isTracingSuppressed(context)) return;
      const { traceId, spanId, traceFlags } = spanContext;
      const sampled = (traceFlags & TraceFlags.SAMPLED) === 0 ? "0" : "1";
      if (single) return setter.set(carrier, "b3", `${traceId}-${spanId}-${sampled}`);
      setter.set(carrier, "x-b3-traceid", traceId);
      setter.set(carrier, "x-b3-spanid", spanId);
      setter.set(carrier, "x-b3-sampled", sampled);
    },
    extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
      const values = single
        ? String(getter.get(carrier, "b3") ?? "").split("-")
        : ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"].map((name) => String(getter.get(carrier, name) ?? ""));
      const [traceId = "", spanId = "", sampled] = values;
      const spanContext = { traceId, spanId, traceFlags: sampled === "1" ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
      return isSpanContextValid(spanContext) ? trace.setSpanContext(context, spanContext) : context;
    },
  };
}
