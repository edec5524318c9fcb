import type { Span } from "./span.ts";

/** How much is kept. */
export interface StoreLimits {
  /** Traces; beyond that the one goes whose newest span came in longest ago. */
  readonly maxTraces: number;
  /** Spans of a trace; further ones are refused. */
  readonly maxSpansPerTrace: number;
  /** Bytes of all spans together, roughly; beyond that traces go as for `maxTraces`. */
  readonly maxBytes: number;
}

export interface StoredTrace {
  readonly traceId: string;
  /** In the order of their arrival. */
  readonly spans: readonly Span[];
  /** Grows with each change. */
  readonly revision: number;
  /** Spans that were refused because the trace has as many as it may have. */
  readonly refused: number;
}

export interface Store {
  /** @returns how many of the spans were refused. */
  readonly add: (spans: readonly Span[]) => number;
  /** Newest first, by the arrival of their first span. */
  readonly traces: () => readonly StoredTrace[];
  readonly get: (traceId: string) => StoredTrace | undefined;
  readonly clear: () => void;
  /** How many traces have had to go. */
  readonly evicted: () => number;
  /** Calls back after each change; returns the function that ends this. */
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

/** The same object until the trace changes, so that what is computed from it can be kept with it. */
function snapshot(trace: Trace): StoredTrace {
  const { traceId, spans, revision, refused } = trace;
  trace.snapshot ??= { traceId, spans: [...spans.values()], revision, refused };
  return trace.snapshot;
}

/** Keeps the newest traces in memory, within limits. */
export function createStore({ maxTraces, maxSpansPerTrace, maxBytes }: StoreLimits): Store {
  // A Map keeps the order of insertion: a trace that gets a span is put in anew, so that the first is the one to go.
  const traces = new Map<string, Trace>();
  const listeners = new Set<() => void>();
  let arrivals = 0;
  let revisions = 0;
  let bytes = 0;
  let evicted = 0;

  const put = (span: Span): boolean => {
    const { traceId, spanId, size } = span;
    const trace = traces.get(traceId) ?? newTrace(traceId, arrivals++);
    const before = trace.spans.get(spanId);
    traces.delete(traceId);
    traces.set(traceId, trace);
    // An exporter that heard no answer sends a span again; some send one at its start and again at its end.
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
  const shrink = (): void => {
    for (const [traceId, trace] of traces) {
      if (traces.size <= maxTraces && bytes <= maxBytes) return;
      traces.delete(traceId);
      bytes -= trace.bytes;
      evicted++;
    }
  };
  const tell = (): void => {
    for (const listener of listeners) listener();
  };

  return {
    add: (spans) => {
      let refused = 0;
      for (const span of spans) {
        if (!put(span)) refused++;
        shrink();
      }
      if (spans.length > 0) tell();
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
      tell();
    },
    evicted: () => evicted,
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
