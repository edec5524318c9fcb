import type { SeenSpan } from "./span.ts";

interface OtlpTraces {
  resourceSpans?: {
    scopeSpans: {
      scope?: { name: string };
      spans: { traceId: string; spanId: string; parentSpanId?: string; kind?: number; name: string }[];
    }[];
  }[];
}

/** Spans of OTLP as JSON. */
export function fromOtlp({ resourceSpans = [] }: OtlpTraces): SeenSpan[] {
  return resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map(({ traceId, spanId, parentSpanId, kind, name }) => ({
        traceId,
        spanId,
        parentId: parentSpanId === undefined || parentSpanId === "" ? undefined : parentSpanId,
        kind: kind === 3 ? "CLIENT" : kind === 2 ? "SERVER" : "OTHER",
        name,
        by: scope?.name ?? "",
      })),
    ),
  );
}
