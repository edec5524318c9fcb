import type { Attributes, Span } from "../span.ts";
import { length, subtract, union } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import type { SpanNode } from "./tree.ts";
import type { Usage } from "./usage.ts";

/** A span as the page shows it. Times are milliseconds since the beginning of the trace, unless they say otherwise. */
export interface SpanView {
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly remoteParent?: boolean;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: Span["kind"];
  readonly service: string;
  readonly depth: number;
  /** It begins a service's work. */
  readonly entry?: true;
  readonly start: number;
  readonly duration: number;
  /** It was sent without an end. */
  readonly unfinished?: true;
  /** Nanoseconds since 1970, by the clock of its own machine. */
  readonly startTime: string;
  /** What of its duration no span directly beneath it covers. */
  readonly own: number;
  /** When that was, as far as one can draw it: pairs of from and to, since the span's start. Absent where it is the whole duration. */
  readonly ownParts?: readonly number[];
  /** By how much it is shown later than its clock says. */
  readonly shift?: number;
  readonly misplaced?: SpanNode["misplaced"];
  readonly status: Span["status"];
  readonly statusMessage?: string;
  readonly attributes: Attributes;
  readonly events?: readonly EventView[];
  readonly links?: Span["links"];
  readonly dropped?: number;
  /** Which of the trace's resources is its. */
  readonly resource: number;
  readonly scope: string;
  readonly usage?: Usage;
  /** Its usage is not in the sums, because spans beneath it tell it in detail. */
  readonly usageBelow?: true;
}

interface EventView {
  readonly time: number;
  readonly name: string;
  readonly attributes: Attributes;
}

/** What of a span is only worth a word where it is there is left out otherwise: a trace has thousands of them. */
export function spanView(node: SpanNode, resource: number, usage: Usage | undefined, counted: boolean): SpanView {
  const { span, start, end, children, shift, misplaced } = node;
  const own = ownTime(node);
  return {
    spanId: span.spanId,
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    ...(span.remoteParent !== undefined && { remoteParent: span.remoteParent }),
    ...(span.traceState !== "" && { traceState: span.traceState }),
    name: span.name,
    kind: span.kind,
    service: span.service,
    depth: node.depth,
    ...(node.entry && { entry: true }),
    start: rounded(start),
    duration: rounded(end - start),
    ...(span.end === undefined && { unfinished: true }),
    startTime: String(span.start),
    own: rounded(length(own)),
    ...(children.length > 0 && {
      ownParts: drawn(own, (end - start) / 200).flatMap(([from, to]) => [rounded(from - start), rounded(to - start)]),
    }),
    ...(Math.abs(shift) >= 1e-3 && { shift: rounded(shift) }),
    ...(misplaced !== undefined && { misplaced }),
    status: span.status,
    ...(span.statusMessage !== "" && { statusMessage: span.statusMessage }),
    attributes: span.attributes,
    ...(span.events.length > 0 && { events: span.events.map((event) => eventView(event, node)) }),
    ...(span.links.length > 0 && { links: span.links }),
    ...(span.dropped > 0 && { dropped: span.dropped }),
    resource,
    scope: [span.scope.name, span.scope.version].filter((part) => part !== "").join(" "),
    ...(usage && { usage }),
    ...(usage && !counted && { usageBelow: true }),
  };
}

function eventView({ time, name, attributes }: Span["events"][number], { span, start }: SpanNode): EventView {
  return { time: rounded(Number(time - span.start) / 1e6 + start), name, attributes };
}

function ownTime({ start, end, children }: SpanNode): Interval[] {
  const covered = children.map((child): Interval => [Math.max(start, child.start), Math.min(end, child.end)]);
  return subtract(union([[start, end]]), union(covered));
}

/** Parts with less than `gap` between them as one, and without those that are shorter: nobody could tell them apart in a picture. */
function drawn(parts: readonly Interval[], gap: number): Interval[] {
  const joined: [number, number][] = [];
  for (const [from, to] of parts) {
    const last = joined.at(-1);
    if (last !== undefined && from - last[1] < gap) last[1] = to;
    else joined.push([from, to]);
  }
  return joined.filter(([from, to]) => to - from >= gap);
}

/** To a nanosecond: what is beyond is an artefact of floating point. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1e6) / 1e6;
}
