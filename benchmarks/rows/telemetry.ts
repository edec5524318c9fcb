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

/** No SDK and nothing to propagate; no SDK, but a trace that came in; an SDK that does not sample, or does. */
export type State = "none" | "forward" | "unsampled" | "sampled";

export interface TelemetryOptions {
  readonly state: State;
  /** Members of the baggage that is active. */
  readonly baggage: number;
  /** Who sets the global propagator: an SDK, the stock one of W3C, or this library's `setupPropagation`. */
  readonly propagator: "sdk" | "ours";
  /** Whether there is a MeterProvider too. */
  readonly metrics: boolean;
}

/** An SDK as applications have one, whose spans go nowhere. */
export interface Telemetry {
  /** What the calls are made in: the context of a request that an agent handles. */
  readonly parent: Context;
  /** Exports what has been recorded, so that no round finds the processor's queue full. */
  readonly settle: () => Promise<void>;
}

export const REMOTE_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { state } = options;
  if (state === "none") return { parent: ROOT_CONTEXT, settle: async () => {} };
  if (state === "forward") {
    setupPropagation();
    return { parent: trace.setSpanContext(ROOT_CONTEXT, remoteSpan()), settle: async () => {} };
  }
  const root = state === "sampled" ? new AlwaysOnSampler() : new AlwaysOffSampler();
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root }),
    spanProcessors: [new BatchSpanProcessor({ exporter: NOWHERE })],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  if (options.propagator === "ours") setupPropagation();
  else propagation.setGlobalPropagator(w3c());
  if (options.metrics) metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new IdleReader()] }));
  const agent = trace.getTracer("agent").startSpan("handle a request", {}, ROOT_CONTEXT);
  const parent = trace.setSpan(ROOT_CONTEXT, agent);
  const settle = (): Promise<void> => provider.forceFlush();
  return { parent: options.baggage === 0 ? parent : propagation.setBaggage(parent, baggageOf(options.baggage)), settle };
}

function w3c(): CompositePropagator {
  return new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });
}

const NOWHERE: SpanExporter = {
  export: (_spans, done) => done({ code: 0 }),
  shutdown: async () => {},
};

class IdleReader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

function remoteSpan(): { traceId: string; spanId: string; traceFlags: TraceFlags; isRemote: boolean } {
  const [, traceId = "", spanId = ""] = REMOTE_TRACEPARENT.split("-");
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

function baggageOf(members: number): Baggage {
  const entries = Array.from({ length: members }, (_, i): [string, { value: string }] => [
    `member.${i}`,
    { value: `value of ${i}` },
  ]);
  return propagation.createBaggage(Object.fromEntries(entries));
}
