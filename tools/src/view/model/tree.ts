import type { Span } from "../span.ts";

/** A span in its place. Times are milliseconds since the beginning of the trace. */
export interface SpanNode {
  readonly span: Span;
  parent: SpanNode | undefined;
  /** In the order of their beginning. */
  readonly children: SpanNode[];
  depth: number;
  start: number;
  /** Not before `start`; of a span without an end, the end of the trace. */
  end: number;
  /** Milliseconds by which it is shown later than its own clock says. */
  shift: number;
  /** Why it stands where it does, if not simply beneath its parent. */
  readonly misplaced: "parent missing" | "circular" | undefined;
  /** Whether it begins a service's work: received from another service or another process, or the first of its service that is here. */
  entry: boolean;
}

/** All spans of a trace, each after its parent, siblings in the order of their beginning. Spans whose parent is not here are roots. */
export function buildTree(spans: readonly Span[]): SpanNode[] {
  if (spans.length === 0) return [];
  const base = spans.reduce((earliest, { start }) => (start < earliest ? start : earliest), spans[0]?.start ?? 0n);
  const nodes = linked(spans, base);
  const roots = nodes.filter((node) => node.parent === undefined);
  for (const node of nodes) node.entry = isEntry(node);
  for (const node of preorder(roots)) shiftClock(node);
  sortByStart(roots);
  for (const { children } of nodes) sortByStart(children);
  const ordered = [...preorder(roots)];
  settle(ordered);
  return ordered;
}

function linked(spans: readonly Span[], base: bigint): SpanNode[] {
  const at = (time: bigint): number => Number(time - base) / 1e6;
  const ids = new Map(spans.map((span) => [span.spanId, span]));
  const circular = spansInCircles(spans, ids);
  const nodes = new Map<string, SpanNode>();
  for (const span of spans) {
    const start = at(span.start);
    const missing = span.parentSpanId !== undefined && !ids.has(span.parentSpanId);
    nodes.set(span.spanId, {
      span,
      parent: undefined,
      children: [],
      depth: 0,
      start,
      end: span.end === undefined ? Number.NaN : Math.max(start, at(span.end)),
      shift: 0,
      misplaced: missing ? "parent missing" : circular.has(span.spanId) ? "circular" : undefined,
      entry: false,
    });
  }
  for (const node of nodes.values()) {
    if (node.misplaced !== undefined || node.span.parentSpanId === undefined) continue;
    node.parent = nodes.get(node.span.parentSpanId);
    node.parent?.children.push(node);
  }
  return [...nodes.values()];
}

/** One span of each circle of parents: cut loose there, it is a tree. */
function spansInCircles(spans: readonly Span[], ids: ReadonlyMap<string, Span>): Set<string> {
  const cut = new Set<string>();
  const walkOf = new Map<string, number>();
  for (const [walk, start] of spans.entries()) {
    let span: Span | undefined = start;
    while (span !== undefined && !walkOf.has(span.spanId)) {
      walkOf.set(span.spanId, walk);
      span = span.parentSpanId === undefined ? undefined : ids.get(span.parentSpanId);
    }
    if (span !== undefined && walkOf.get(span.spanId) === walk) cut.add(span.spanId);
  }
  return cut;
}

function isEntry({ span, parent }: SpanNode): boolean {
  if (parent === undefined || parent.span.service !== span.service) return true;
  // A service that calls itself, or another instance of itself.
  const received = span.kind === "SERVER" || span.kind === "CONSUMER";
  return received && (parent.span.kind === "CLIENT" || parent.span.kind === "PRODUCER");
}

/** Differences of clocks up to this many milliseconds are not worth a word. */
const TOLERANCE = 1;

/**
 * No answer begins before its question, nor after the question has been answered: where it seems so, two clocks differ, and all spans of the
 * answering side are moved to the middle of the question. Jaeger and Zipkin do likewise.
 */
function shiftClock(node: SpanNode): void {
  const { parent } = node;
  if (parent === undefined) return;
  node.shift = node.entry ? skew(node, parent) : parent.shift;
  node.start += node.shift;
  node.end += node.shift;
}

function skew(node: SpanNode, parent: SpanNode): number {
  const early = node.start < parent.start - TOLERANCE;
  const waitsForIt = parent.span.kind === "CLIENT" && node.span.kind === "SERVER" && parent.span.status !== "error";
  const late = waitsForIt && node.start > parent.end + TOLERANCE;
  if (!early && !late) return 0;
  const room = parent.end - parent.start - (node.end - node.start);
  return parent.start + (room > 0 ? room / 2 : 0) - node.start;
}

function sortByStart(nodes: SpanNode[]): void {
  nodes.sort((a, b) => a.start - b.start);
}

/** Without recursion: a chain of ten thousand spans is deeper than the stack. */
function* preorder(roots: readonly SpanNode[]): Generator<SpanNode> {
  const waiting = roots.toReversed();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    for (let index = node.children.length - 1; index >= 0; index--) waiting.push(node.children[index] as SpanNode);
  }
}

/** The beginning is 0; what has no end lasts until the end of the trace. */
function settle(nodes: readonly SpanNode[]): void {
  const first = nodes.reduce((earliest, { start }) => Math.min(earliest, start), Infinity);
  const last = nodes.reduce((latest, { start, end }) => Math.max(latest, start, Number.isNaN(end) ? start : end), -Infinity);
  for (const node of nodes) {
    node.depth = node.parent === undefined ? 0 : node.parent.depth + 1;
    node.end = (Number.isNaN(node.end) ? last : node.end) - first;
    node.start -= first;
  }
}
