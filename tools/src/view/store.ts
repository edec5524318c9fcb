import type { Span } from "./span.ts";

/** Limits of the store. */
export interface StoreLimits {
  /** The number of traces; beyond it, the trace that has not received a span for the longest time is evicted. */
  readonly maxTraces: number;
  /** The number of spans of a trace; further spans are refused. */
  readonly maxSpansPerTrace: number;
  /** The approximate number of bytes of all spans; beyond it, traces are evicted as for `maxTraces`. */
  readonly maxBytes: number;
}

export interface StoredTrace {
  readonly traceId: string;
  /** In the order of their arrival. */
  readonly spans: readonly Span[];
  /** Increases with each change. */
  readonly revision: number;
  /** The number of spans that were refused because the trace was full. */
  readonly refused: number;
}

export interface Store {
  /** @returns the number of refused spans. */
  readonly add: (spans: readonly Span[]) => number;
  /** Newest first, by the arrival of their first span. */
  readonly traces: () => readonly StoredTrace[];
  readonly get: (traceId: string) => StoredTrace | undefined;
  readonly clear: () => void;
  /** The number of evicted traces. */
  readonly evicted: () => number;
  /** Calls the listener after each change; returns a function that removes it. */
  readonly watch: (listener: () => void) => () => void;
}

interface Trace {
  readonly traceId: string;
  readonly arrival: number;
  readonly spans: Map<string, Span>;
  revision: number;
  refused: number;
  bytes: number;
  snapshot: StoredTrace | undefined;
}

function newTrace(traceId: string, arrival: number): Trace {
  return { traceId, arrival, spans: new Map(), revision: 0, refused: 0, bytes: 0, snapshot: undefined };
}

/** Returns the same object until the trace changes, so that values computed from it can be cached. */
function snapshot(trace: Trace): StoredTrace {
  const { traceId, spans, revision, refused } = trace;
  trace.snapshot ??= { traceId, spans: [...spans.values()], revision, refused };
  return trace.snapshot;
}

/** Stores the newest traces in memory, within limits. */
export function createStore({ maxTraces, maxSpansPerTrace, maxBytes }: StoreLimits): Store {
  // A Map keeps the order of insertion. A trace that receives a span is inserted again, so the first trace is the next to evict.
  const traces = new Map<string, Trace>();
  const listeners = new Set<() => void>();
  let arrivals = 0;
  let revisions = 0;
  let bytes = 0;
  let evicted = 0;

  const addSpan = (span: Span): boolean => {
    const { traceId, spanId, size } = span;
    const trace = traces.get(traceId) ?? newTrace(traceId, arrivals++);
    const before = trace.spans.get(spanId);
    traces.delete(traceId);
    traces.set(traceId, trace);
    // Exporters repeat a request that failed, and some send a span both at its start and at its end.
    if (before?.end !== undefined && span.end === undefined) return true;
    const growth = size - (before?.size ?? 0);
    trace.revision = ++revisions;
    trace.snapshot = undefined;
    if ((before === undefined && trace.spans.size >= maxSpansPerTrace) || trace.bytes + growth > maxBytes) {
      trace.refused++;
      return false;
    }
    trace.spans.set(spanId, span);
    trace.bytes += growth;
    bytes += growth;
    return true;
  };
  const evictTraces = (): void => {
    for (const [traceId, trace] of traces) {
      if (traces.size <= maxTraces && bytes <= maxBytes) return;
      traces.delete(traceId);
      bytes -= trace.bytes;
      evicted++;
    }
  };
  const notify = (): void => {
    for (const listener of listeners) listener();
  };

  return {
    add: (spans) => {
      let refused = 0;
      for (const span of spans) {
        if (!addSpan(span)) refused++;
        evictTraces();
      }
      if (spans.length > 0) notify();
      return refused;
    },
    traces: () => [...traces.values()].toSorted((a, b) => b.arrival - a.arrival).map(snapshot),
    get: (traceId) => {
      const trace = traces.get(traceId);
      return trace && snapshot(trace);
    },
    clear: () => {
      traces.clear();
      bytes = 0;
      notify();
    },
    evicted: () => evicted,
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
