import { ROOT_CONTEXT, TraceFlags, context, metrics, propagation, trace } from "@opentelemetry/api";
import type { Baggage, Context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import { setupPropagation } from "a2a-otel/setup";

/**
 * `none`: no SDK, and no trace to propagate. `forward`: no SDK, and a received trace is forwarded. `unsampled` and `sampled`: an SDK whose sampler
 * drops or keeps all spans.
 */
export type SdkState = "none" | "forward" | "unsampled" | "sampled";

export interface TelemetryOptions {
  readonly state: SdkState;
  /** Members of the active baggage. */
  readonly baggage: number;
  /** The global propagator: `sdk` is OpenTelemetry's W3C propagator, `ours` is that of this library's `setupPropagation()`. */
  readonly propagator: "sdk" | "ours";
  /** Whether a MeterProvider is registered. */
  readonly metrics: boolean;
}

/** An SDK with a batch span processor, whose exporter discards the spans. */
export interface Telemetry {
  /** The context of the calls: that of a request which the agent handles. */
  readonly parent: Context;
  /** Exports the recorded spans. */
  readonly flush: () => Promise<void>;
}

export const REMOTE_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { state } = options;
  if (state === "none") return { parent: ROOT_CONTEXT, flush: async () => {} };
  if (state === "forward") {
    setupPropagation();
    return { parent: trace.setSpanContext(ROOT_CONTEXT, remoteSpanContext()), flush: async () => {} };
  }
  const root = state === "sampled" ? new AlwaysOnSampler() : new AlwaysOffSampler();
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root }),
    spanProcessors: [new BatchSpanProcessor({ exporter: DISCARDING_EXPORTER })],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  if (options.propagator === "ours") setupPropagation();
  else propagation.setGlobalPropagator(w3cPropagator());
  if (options.metrics) metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new DiscardingReader()] }));
  const agent = trace.getTracer("agent").startSpan("handle a request", {}, ROOT_CONTEXT);
  const parent = trace.setSpan(ROOT_CONTEXT, agent);
  const flush = (): Promise<void> => provider.forceFlush();
  return { parent: options.baggage === 0 ? parent : propagation.setBaggage(parent, createBaggage(options.baggage)), flush };
}

function w3cPropagator(): CompositePropagator {
  return new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });
}

const DISCARDING_EXPORTER: SpanExporter = {
  export: (_spans, done) => done({ code: 0 }),
  shutdown: async () => {},
};

class DiscardingReader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

function remoteSpanContext(): { traceId: string; spanId: string; traceFlags: TraceFlags; isRemote: boolean } {
  const [, traceId = "", spanId = ""] = REMOTE_TRACEPARENT.split("-");
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

function createBaggage(members: number): Baggage {
  const entries = Array.from({ length: members }, (_, i): [string, { value: string }] => [
    `member.${i}`,
    { value: `value of ${i}` },
  ]);
  return propagation.createBaggage(Object.fromEntries(entries));
}
