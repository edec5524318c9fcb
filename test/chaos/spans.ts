import { DiagLogLevel, ROOT_CONTEXT, context, diag, metrics, propagation, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  createAllowListAttributesProcessor,
} from "@opentelemetry/sdk-metrics";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { PARENT, indexOfTrace, traceIdOf } from "./trace-ids.ts";
import type { ReadableSpan, Span } from "@opentelemetry/sdk-trace";

/** The checked parts of a span. */
export interface SpanSeen {
  readonly id: string;
  readonly status: unknown;
  readonly errorType: unknown;
}

/** The ended spans of one call and the number of open ones. */
interface SpansOfCall {
  readonly ended: SpanSeen[];
  open: number;
  whenEnded: (() => void) | undefined;
}

export interface Telemetry {
  /** Runs a call in its own trace, whose id contains the call's number. */
  readonly around: <Result>(index: number, make: () => Result) => Result;
  /** Passes the spans of a call to a function when all have ended, and then discards them. */
  readonly whenEnded: (index: number, look: (spans: readonly SpanSeen[]) => void) => void;
  readonly started: () => number;
  readonly ended: () => number;
  /** Calls with a span that has not ended. */
  readonly open: () => number[];
  /** The diagnostic messages: the SDK logs a span that is ended twice or changed after its end. */
  readonly diagnostics: ReadonlyMap<string, number>;
  /** The number of recorded durations. */
  readonly durations: () => Promise<number>;
}

export function startTelemetry(): Telemetry {
  const calls = new Map<number, SpansOfCall>();
  const diagnostics = new Map<string, number>();
  let started = 0;
  let ended = 0;
  const record = (message: string, ...rest: unknown[]): void => {
    const text = [message, ...rest.map(String)].join(" ").slice(0, 300);
    diagnostics.set(text, (diagnostics.get(text) ?? 0) + 1);
  };
  diag.setLogger({ error: record, warn: record, info: () => {}, debug: () => {}, verbose: () => {} }, DiagLogLevel.WARN);
  const of = (index: number): SpansOfCall => {
    let spans = calls.get(index);
    if (spans === undefined) calls.set(index, (spans = { ended: [], open: 0, whenEnded: undefined }));
    return spans;
  };
  const provider = new TracerProvider({
    spanProcessors: [
      {
        onStart: (span: Span) => {
          started++;
          const index = indexOf(span);
          if (index !== undefined) of(index).open++;
        },
        onEnd: (span: ReadableSpan) => {
          ended++;
          const index = indexOf(span as Span);
          if (index === undefined) return;
          const spans = of(index);
          const { ["http.response.status_code"]: status, ["error.type"]: errorType } = span.attributes;
          spans.ended.push({ id: span.spanContext().spanId, status, errorType });
          if (--spans.open === 0) spans.whenEnded?.();
        },
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  // Only the number of durations matters; the ports of all servers as attributes would fill the heap.
  const views = [{ instrumentName: "*", attributesProcessors: [createAllowListAttributesProcessor([])] }];
  const meters = new MeterProvider({ readers: [reader], views });
  metrics.setGlobalMeterProvider(meters);

  return {
    around: (index, make) => context.with(parentOf(index), make),
    whenEnded: (index, look) => {
      const spans = of(index);
      const finish = (): void => {
        calls.delete(index);
        look(spans.ended);
      };
      if (spans.open === 0) finish();
      else spans.whenEnded = finish;
    },
    started: () => started,
    ended: () => ended,
    open: () => [...calls].filter(([, { open }]) => open > 0).map(([index]) => index),
    diagnostics,
    durations: async () => {
      await reader.collect().then(({ resourceMetrics }) => exporter.export(resourceMetrics, () => {}));
      let count = 0;
      for (const { metrics: scope } of exporter.getMetrics().at(-1)?.scopeMetrics ?? []) {
        for (const { dataPoints } of scope) for (const { value } of dataPoints) count += (value as { count: number }).count;
      }
      await meters.shutdown();
      return count;
    },
  };
}

function parentOf(index: number): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { traceId: traceIdOf(index), spanId: PARENT, traceFlags: 1, isRemote: true });
}

const indexOf = (span: Span): number | undefined => indexOfTrace(span.spanContext().traceId);
