import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Spans } from "./messages.ts";

export interface SoakTelemetry {
  readonly spans: () => Spans;
  /** Exports what is waiting. */
  readonly flush: () => Promise<void>;
}

/** A usual SDK: a `BatchSpanProcessor`, and an exporter that takes all and keeps nothing; with a count beside it. */
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
      // So many that it drops none itself: what is lost would be our loss.
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
