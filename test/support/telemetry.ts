import { SpanKind, SpanStatusCode, context, diag, metrics, propagation, trace } from "@opentelemetry/api";
import type { Attributes, TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan, Sampler, SpanProcessor } from "@opentelemetry/sdk-trace";
import { expect } from "vitest";

/** An SDK that keeps its spans in memory. */
export interface TestTelemetry {
  /** All ended spans, oldest first. */
  readonly spans: () => ReadableSpan[];
  /** The ended spans of a2a-otel. */
  readonly own: () => ReadableSpan[];
  readonly started: () => number;
  /** Waits until `count` spans of a2a-otel have ended, and returns them. */
  readonly ended: (count: number, milliseconds?: number) => Promise<ReadableSpan[]>;
  /** Waits until no started span is open. */
  readonly settled: (milliseconds?: number) => Promise<void>;
  readonly reset: () => void;
  readonly stop: () => Promise<void>;
}

export interface TestTelemetryOptions {
  sampler?: Sampler;
  propagator?: TextMapPropagator | null;
  contextManager?: boolean;
}

/** Registers an SDK globally; `stop` unregisters it. */
export function startTelemetry(options: TestTelemetryOptions = {}): TestTelemetry {
  let finished: ReadableSpan[] = [];
  let started = 0;
  const open = new Set<string>();
  const idOf = (span: Pick<ReadableSpan, "spanContext">): string => span.spanContext().spanId;
  const collector: SpanProcessor = {
    onStart: (span) => {
      started++;
      open.add(idOf(span));
    },
    // A span that was started before the last `reset()` belongs to an earlier test.
    onEnd: (span) => void (open.delete(idOf(span)) && finished.push(span)),
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new TracerProvider({
    spanProcessors: [collector],
    ...(options.sampler && { sampler: options.sampler }),
  });
  trace.setGlobalTracerProvider(provider);
  if (options.contextManager !== false) context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  if (options.propagator !== null) {
    propagation.setGlobalPropagator(
      options.propagator ?? new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
    );
  }
  const own = (): ReadableSpan[] => finished.filter((span) => span.instrumentationScope.name === "a2a-otel");
  return {
    spans: () => finished,
    own,
    started: () => started,
    ended: async (count, milliseconds = 10_000) => {
      await until(() => own().length >= count, milliseconds).catch(() => {});
      expect(own().map(shapeOf)).toHaveLength(count);
      return own();
    },
    settled: (milliseconds = 10_000) => until(() => open.size === 0, milliseconds),
    reset: () => {
      finished = [];
      started = 0;
      open.clear();
    },
    stop: async () => {
      await provider.shutdown();
      clearGlobals();
    },
  };
}

/** Unregisters everything that is registered globally with OpenTelemetry. */
export function clearGlobals(): void {
  trace.disable();
  context.disable();
  propagation.disable();
  metrics.disable();
  diag.disable();
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean, milliseconds = 10_000): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${milliseconds} ms: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What the semantic conventions define of a span. */
export interface SpanShape {
  name: string;
  kind: SpanKind;
  status: SpanStatusCode;
  attributes: Attributes;
  events: string[];
}

export function shapeOf(span: ReadableSpan): SpanShape {
  return {
    name: span.name,
    kind: span.kind,
    status: span.status.code,
    attributes: { ...span.attributes },
    events: span.events.map((event) => event.name),
  };
}

/** The span of a successful GET over HTTP/1.1 on loopback, with additional attributes. */
export function getSpan(server: { readonly url: string; readonly port: number }, path: string, more: Attributes = {}): SpanShape {
  return {
    name: "GET",
    kind: SpanKind.CLIENT,
    status: SpanStatusCode.UNSET,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "network.peer.address": "127.0.0.1",
      "network.peer.port": server.port,
      "network.protocol.version": "1.1",
      "server.address": "127.0.0.1",
      "server.port": server.port,
      "url.full": server.url + path,
      ...more,
    },
    events: [],
  };
}

/** The `traceparent` header of a span. */
export function traceparentOf(span: ReadableSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags.toString(16)}`;
}

/** Runs a function within a span of the application. */
export async function inSpan<Result>(name: string, fn: () => Result | Promise<Result>): Promise<Result> {
  return trace.getTracer("application").startActiveSpan(name, async (span) => {
    try {
      return await fn();
    } finally {
      span.end();
    }
  });
}
