import type { Span } from "../span.ts";

/** A span in the tree. Times are milliseconds since the start of the trace. */
export interface SpanNode {
  readonly span: Span;
  parent: SpanNode | undefined;
  /** Sorted by their start. */
  readonly children: SpanNode[];
  depth: number;
  start: number;
  /** Not before `start`; for a span without an end, the end of the trace. */
  end: number;
  /** The correction of its clock in milliseconds. */
  shift: number;
  /** Why it is not placed below its parent. */
  readonly misplaced: "parent missing" | "circular" | undefined;
  /** Whether it is the entry span of a call: received from another service or process, or a root. */
  entry: boolean;
}

/** All spans of a trace: each follows its parent, and siblings are sorted by their start. Spans whose parent was not received are roots. */
export function buildTree(spans: readonly Span[]): SpanNode[] {
  if (spans.length === 0) return [];
  const base = spans.reduce((earliest, { start }) => (start < earliest ? start : earliest), spans[0]?.start ?? 0n);
  const nodes = linkNodes(spans, base);
  const roots = nodes.filter((node) => node.parent === undefined);
  for (const node of nodes) node.entry = isEntry(node);
  for (const node of preorder(roots)) shiftClock(node);
  sortByStart(roots);
  for (const { children } of nodes) sortByStart(children);
  const ordered = [...preorder(roots)];
  normalizeTimes(ordered);
  return ordered;
}

function linkNodes(spans: readonly Span[], base: bigint): SpanNode[] {
  const at = (time: bigint): number => Number(time - base) / 1e6;
  const ids = new Map(spans.map((span) => [span.spanId, span]));
  const circular = spansInCycles(spans, ids);
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

/** One span of each cycle of parents. Without its parent, the rest is a tree. */
function spansInCycles(spans: readonly Span[], ids: ReadonlyMap<string, Span>): Set<string> {
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
  // The service calls itself, or another instance of itself.
  const received = span.kind === "SERVER" || span.kind === "CONSUMER";
  return received && (parent.span.kind === "CLIENT" || parent.span.kind === "PRODUCER");
}

/** Smaller differences between clocks are not corrected. */
const TOLERANCE_MS = 1;

/**
 * Corrects differences between clocks. A callee cannot begin before its call, nor after the call has ended; if it seems to, its spans are moved to
 * the middle of the call. Jaeger and Zipkin do the same.
 */
function shiftClock(node: SpanNode): void {
  const { parent } = node;
  if (parent === undefined) return;
  node.shift = node.entry ? skew(node, parent) : parent.shift;
  node.start += node.shift;
  node.end += node.shift;
}

function skew(node: SpanNode, parent: SpanNode): number {
  const early = node.start < parent.start - TOLERANCE_MS;
  const waitsForIt = parent.span.kind === "CLIENT" && node.span.kind === "SERVER" && parent.span.status !== "error";
  const late = waitsForIt && node.start > parent.end + TOLERANCE_MS;
  if (!early && !late) return 0;
  const room = parent.end - parent.start - (node.end - node.start);
  return parent.start + (room > 0 ? room / 2 : 0) - node.start;
}

function sortByStart(nodes: SpanNode[]): void {
  nodes.sort((a, b) => a.start - b.start);
}

/** Iterative, because a chain of ten thousand spans would exceed the stack. */
function* preorder(roots: readonly SpanNode[]): Generator<SpanNode> {
  const waiting = roots.toReversed();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    for (let index = node.children.length - 1; index >= 0; index--) waiting.push(node.children[index] as SpanNode);
  }
}

/** Makes times relative to the start of the trace, and ends spans without an end at the end of the trace. */
function normalizeTimes(nodes: readonly SpanNode[]): void {
  const first = nodes.reduce((earliest, { start }) => Math.min(earliest, start), Infinity);
  const last = nodes.reduce((latest, { start, end }) => Math.max(latest, start, Number.isNaN(end) ? start : end), -Infinity);
  for (const node of nodes) {
    node.depth = node.parent === undefined ? 0 : node.parent.depth + 1;
    node.end = (Number.isNaN(node.end) ? last : node.end) - first;
    node.start -= first;
  }
}
