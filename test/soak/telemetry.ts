import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Spans } from "./messages.ts";

export interface SoakTelemetry {
  readonly spans: () => Spans;
  /** Exports all queued spans. */
  readonly flush: () => Promise<void>;
}

/** An SDK with a `BatchSpanProcessor` and an exporter that counts spans and discards them. */
export function startTelemetry(): SoakTelemetry {
  let started = 0;
  let ended = 0;
  let exported = 0;
  const exporter: SpanExporter = {
    export: (spans, done) => {
      exported += spans.length;
      setImmediate(() => done({ code: 0 }));
    },
    shutdown: async () => {},
  };
  const provider = new TracerProvider({
    spanProcessors: [
      {
        onStart: () => void started++,
        onEnd: () => void ended++,
        forceFlush: async () => {},
        shutdown: async () => {},
      },
      // The queue is large enough that the processor drops no span: a missing span is the library's fault.
      new BatchSpanProcessor({ exporter, maxQueueSize: 100_000 }),
    ],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  return { spans: () => ({ started, ended, exported }), flush: () => provider.forceFlush() };
}
