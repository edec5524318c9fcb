import type { Span, TracerProvider } from "@opentelemetry/api";
import type { DataPoint, Histogram } from "@opentelemetry/sdk-metrics";
import type { TestMetrics } from "../../server/metrics.ts";

export const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
export const SPAN_ID = "b7ad6b7169203331";

export interface RecordingTracer {
  readonly tracerProvider: TracerProvider;
  readonly span: Span;
  /** The names of the called methods, and of the attributes that were set. */
  readonly recorded: string[];
}

/** A tracer with one span that records the calls of its methods, also after its end, which an SDK's span ignores. */
export function recordingTracer(isRecording = true): RecordingTracer {
  const recorded: string[] = [];
  const note =
    (method: string) =>
    (...[name]: unknown[]): Span => {
      recorded.push(method === "setAttribute" ? String(name) : method);
      return span;
    };
  const methods = ["setAttribute", "setAttributes", "setStatus", "recordException", "updateName", "addEvent", "end"];
  const span = {
    spanContext: () => ({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: isRecording ? 1 : 0 }),
    isRecording: () => isRecording,
    ...Object.fromEntries(methods.map((method) => [method, note(method)])),
  } as unknown as Span;
  return { tracerProvider: { getTracer: () => ({ startSpan: () => span }) as never }, span, recorded };
}

/** The count and the sum in seconds of each measured duration. */
export async function measuredDurations(metrics: TestMetrics, name: string): Promise<unknown[]> {
  const points = (await metrics.read(name)).flatMap((metric) => metric.dataPoints as DataPoint<Histogram>[]);
  return points.map(({ value }) => [value.count, value.sum]);
}
