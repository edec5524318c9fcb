import { metrics } from "@opentelemetry/api";
import type { Attributes } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { DataPoint, Histogram, MetricData } from "@opentelemetry/sdk-metrics";

export interface TestMetrics {
  readonly provider: MeterProvider;
  /** The metrics with a name that all scopes have recorded so far. */
  readonly read: (name: string) => Promise<MetricData[]>;
  /** The counts of a histogram with their attributes. */
  readonly counts: (name: string) => Promise<[number, Attributes][]>;
}

/** Starts a MeterProvider that keeps its metrics in memory. */
export function startMetrics(global = true): TestMetrics {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000_000 });
  const provider = new MeterProvider({ readers: [reader] });
  if (global) metrics.setGlobalMeterProvider(provider);
  const read = async (name: string): Promise<MetricData[]> => {
    exporter.reset();
    await reader.forceFlush();
    const scopes = exporter.getMetrics().flatMap((resource) => resource.scopeMetrics);
    return scopes.flatMap((scope) => scope.metrics).filter((metric) => metric.descriptor.name === name);
  };
  return {
    provider,
    read,
    counts: async (name) => {
      const points = (await read(name)).flatMap((metric) => metric.dataPoints as DataPoint<Histogram>[]);
      return points.map((point) => [point.value.count, point.attributes]);
    },
  };
}
