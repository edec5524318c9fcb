import { SpanKind, trace } from "@opentelemetry/api";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { setupPropagation } from "a2a-otel/setup";

/** What the example shows of a span. */
export interface ShownSpan {
  readonly id: string;
  readonly parent: string | undefined;
  readonly trace: string;
  readonly links: readonly string[];
  readonly label: string;
  readonly start: number;
}

export interface Telemetry {
  readonly spans: ShownSpan[];
  /** Resolves when all spans have ended. */
  readonly settled: () => Promise<void>;
}

/** Starts an SDK that keeps its spans in memory. A real service exports them. */
export function startTelemetry(service: string): Telemetry {
  const spans: ShownSpan[] = [];
  const open = new Set<unknown>();
  let onSettled = (): void => {};
  const processor = {
    onStart: (span: unknown) => void open.add(span),
    onEnd: (span: ReadableSpan) => {
      spans.push(shown(span, service));
      open.delete(span);
      if (open.size === 0) onSettled();
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [processor] }));
  setupPropagation();
  const settled = (): Promise<void> => new Promise((resolve) => (open.size === 0 ? resolve() : (onSettled = resolve)));
  return { spans, settled };
}

function shown(span: ReadableSpan, service: string): ShownSpan {
  const { spanId, traceId } = span.spanContext();
  return {
    id: spanId,
    parent: span.parentSpanContext?.spanId,
    trace: traceId,
    links: span.links.map(({ context }) => context.spanId),
    label: `${span.name} ${SpanKind[span.kind]} ${service}`,
    start: span.startTime[0] * 1000 + span.startTime[1] / 1e6,
  };
}

/** Draws the spans below their parents, one trace after the other, with the links between the traces. */
export function drawSpans(spans: readonly ShownSpan[]): string {
  const ordered = spans.toSorted((a, b) => a.start - b.start);
  const labels = new Map(spans.map(({ id, label }) => [id, label]));
  const rows: string[] = [];
  const draw = (span: ShownSpan, indent: string): void => {
    const links = span.links.map((id) => ` (linked to ${labels.get(id) ?? id})`);
    rows.push(indent + span.label + links.join(""));
    for (const child of ordered.filter(({ parent }) => parent === span.id)) draw(child, `${indent}  `);
  };
  for (const root of ordered.filter(({ parent }) => parent === undefined || !labels.has(parent))) {
    rows.push(`trace ${root.trace}`);
    draw(root, "  ");
  }
  return rows.join("\n");
}
