import { SpanKind, diag, DiagLogLevel, metrics, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { TracerProvider } from "./sdk-trace.mjs";

/** Warnings of the process, and the messages of `diag` at level `warn` and above. */
export const warnings = [];
process.on("warning", ({ name, message }) => {
  // Node 22.12 emits this warning for each `require` of an ES module, also for its own; later versions do not.
  if (name !== "ExperimentalWarning" || !message.includes("require()")) warnings.push(`${name}: ${message}`);
});

/** Starts an SDK that keeps spans and metrics in memory, without a propagator or a context manager. */
export function startSdk(spanProcessors) {
  const note = (...args) => warnings.push(args.join(" "));
  const quiet = () => {};
  diag.setLogger({ error: note, warn: note, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  const spans = [];
  const collector = { onStart() {}, onEnd: (span) => spans.push(span), forceFlush: async () => {}, shutdown: async () => {} };
  const resource = resourceFromAttributes({ "service.name": "smoke" });
  const tracerProvider = new TracerProvider({ resource, spanProcessors: [...spanProcessors, collector] });
  trace.setGlobalTracerProvider(tracerProvider);
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(meterProvider);
  return {
    spans,
    /** The number of recorded values of each histogram, by its name. */
    async durations() {
      await reader.forceFlush();
      const recorded = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
      return Object.fromEntries(recorded.map(({ descriptor, dataPoints }) => [descriptor.name, countOf(dataPoints)]));
    },
    async stop() {
      await tracerProvider.shutdown();
      await meterProvider.shutdown();
    },
  };
}

const countOf = (points) => points.reduce((sum, { value }) => sum + value.count, 0);

/** The spans as a tree of lines, siblings in the order of their start. A span whose parent is missing is a root. */
export function treeOf(spans) {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const ordered = spans.toSorted((a, b) => startOf(a) - startOf(b));
  const lines = [];
  const addBelow = (parent, depth) => {
    for (const span of ordered) {
      const { spanId } = span.parentSpanContext ?? {};
      if (parent !== (ids.has(spanId) ? spanId : undefined)) continue;
      lines.push(`${"  ".repeat(depth)}${SpanKind[span.kind]} ${span.name}`);
      addBelow(span.spanContext().spanId, depth + 1);
    }
  };
  addBelow(undefined, 0);
  return lines;
}

const startOf = ({ startTime: [seconds, nanoseconds] }) => seconds * 1e9 + nanoseconds;
