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

/** A span, as far as it is looked at. */
export interface SpanSeen {
  readonly id: string;
  readonly status: unknown;
  readonly errorType: unknown;
}

/** The spans of one call: those that have ended, and how many have not. */
interface SpansOfCall {
  readonly ended: SpanSeen[];
  open: number;
  whenEnded: (() => void) | undefined;
}

export interface Telemetry {
  /** Runs a call in a trace of its own, whose id tells the call's number. */
  readonly around: <Result>(index: number, make: () => Result) => Result;
  /** Has the spans of a call looked at when all have ended, and then forgotten. */
  readonly whenEnded: (index: number, look: (spans: readonly SpanSeen[]) => void) => void;
  readonly started: () => number;
  readonly ended: () => number;
  /** Calls with a span that has not ended. */
  readonly open: () => number[];
  /** What was said to `diag`: of a span that is ended twice, or changed after its end, the SDK says so. */
  readonly said: ReadonlyMap<string, number>;
  /** Durations that were recorded. */
  readonly durations: () => Promise<number>;
}

export function startTelemetry(): Telemetry {
  const calls = new Map<number, SpansOfCall>();
  const said = new Map<string, number>();
  let started = 0;
  let ended = 0;
  const say = (message: string, ...rest: unknown[]): void => {
    const text = [message, ...rest.map(String)].join(" ").slice(0, 300);
    said.set(text, (said.get(text) ?? 0) + 1);
  };
  diag.setLogger({ error: say, warn: say, info: () => {}, debug: () => {}, verbose: () => {} }, DiagLogLevel.WARN);
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
  // Of durations only the number is wanted; the ports of all the servers would fill the heap.
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
    said,
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
