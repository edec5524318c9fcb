import { context, propagation, trace } from "@opentelemetry/api";
import type { Attributes, SpanContext, SpanKind, SpanStatusCode, TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { clearGlobals } from "../support/telemetry.ts";

/** What an exporter receives of a span, without its times and its resource. */
export interface SpanSnapshot {
  name: string;
  kind: SpanKind;
  status: SpanStatusCode;
  attributes: Attributes;
  events: string[];
  links: number;
  scope: string;
  id: string;
  parent: string | undefined;
}

/** An SDK that generates span and trace ids by counting, so that the headers and spans of two runs can be compared directly. */
export interface DeterministicTelemetry {
  readonly provider: TracerProvider;
  /** Registers the SDK globally. Called before each test. */
  readonly register: () => void;
  /** Runs a function with ids counted from 1, waits until all spans have ended, and returns them. */
  readonly record: (run: () => unknown) => Promise<SpanSnapshot[]>;
  readonly stop: () => Promise<void>;
}

/** The id of the n-th span (from 1) that a recorded run starts, and of the n-th trace that begins in it. */
export const spanId = (n: number): string => `feed${n.toString(16).padStart(12, "0")}`;
export const traceId = (n: number): string => `cafe${n.toString(16).padStart(28, "0")}`;

export function w3c(): TextMapPropagator {
  return new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });
}

export function startDeterministicTelemetry(): DeterministicTelemetry {
  let spans = 0;
  let traces = 0;
  let open = new Set<object>();
  let ended: ReadableSpan[] = [];
  const provider = new TracerProvider({
    idGenerator: { generateSpanId: () => spanId(++spans), generateTraceId: () => traceId(++traces) },
    spanProcessors: [
      {
        onStart: (span) => void open.add(span),
        onEnd: (span) => {
          open.delete(span);
          ended.push(span);
        },
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  });
  const register = (): void => {
    clearGlobals();
    trace.setGlobalTracerProvider(provider);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(w3c());
  };
  register();
  return {
    provider,
    register,
    record: async (run) => {
      ended = [];
      open = new Set();
      spans = 0;
      traces = 0;
      await run();
      await settled(() => open.size);
      return ended.map(snapshot);
    },
    stop: async () => {
      await provider.shutdown();
      clearGlobals();
    },
  };
}

/** Waits until no span is open. It polls on every turn of the event loop, because there are thousands of runs. */
async function settled(open: () => number): Promise<void> {
  const deadline = performance.now() + 4000;
  while (open() > 0) {
    if (performance.now() > deadline) throw new Error(`${open()} spans did not end`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function snapshot(span: ReadableSpan): SpanSnapshot {
  return {
    name: span.name,
    kind: span.kind,
    status: span.status.code,
    attributes: { ...span.attributes },
    events: span.events.map((event) => event.name),
    links: span.links.length,
    scope: span.instrumentationScope.name,
    id: idOf(span.spanContext()),
    parent: span.parentSpanContext && idOf(span.parentSpanContext),
  };
}

function idOf({ traceId: traceOf, spanId: spanOf, isRemote }: SpanContext): string {
  return `${traceOf}-${spanOf}${isRemote === true ? " remote" : ""}`;
}
