import type { Attributes, Span } from "../span.ts";
import { isFailure, targetOf } from "./http.ts";
import { subtract, totalLength, union } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import type { SpanNode } from "./tree.ts";
import type { Usage } from "./usage.ts";

/** A span as the page shows it. Times are milliseconds since the start of the trace, unless noted otherwise. */
export interface SpanView {
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly remoteParent?: boolean;
  readonly traceState?: string;
  readonly name: string;
  /** What its name does not say: see `targetOf`. */
  readonly target?: string;
  readonly kind: Span["kind"];
  readonly service: string;
  readonly depth: number;
  /** Whether it is the entry span of a call. */
  readonly entry?: true;
  readonly start: number;
  readonly duration: number;
  /** Whether it was exported without an end. */
  readonly unfinished?: true;
  /** Nanoseconds since 1970, without correction of clocks. */
  readonly startTime: string;
  /** The part of its duration that none of its children covers. */
  readonly own: number;
  /** The periods of its own time that are long enough to draw: pairs of start and end, relative to the span's start. Absent if it has no children. */
  readonly ownParts?: readonly number[];
  /** The correction of its clock. */
  readonly shift?: number;
  readonly misplaced?: SpanNode["misplaced"];
  readonly status: Span["status"];
  /** Whether it counts as an error. */
  readonly failed?: true;
  readonly statusMessage?: string;
  readonly attributes: Attributes;
  readonly events?: readonly EventView[];
  readonly links?: Span["links"];
  readonly dropped?: number;
  /** The index of its resource in the trace's resources. */
  readonly resource: number;
  readonly scope: string;
  readonly usage?: Usage;
  /** Its usage is not part of the sums, because spans below it contain the same usage. */
  readonly usageBelow?: true;
}

interface EventView {
  readonly time: number;
  readonly name: string;
  readonly attributes: Attributes;
}

/** Creates the view of a span. Empty fields are omitted, because a trace may have thousands of spans. */
export function spanView(node: SpanNode, resource: number, usage: Usage | undefined, counted: boolean): SpanView {
  const { span, start, end, children, shift, misplaced } = node;
  const own = ownTime(node);
  const target = targetOf(span);
  return {
    spanId: span.spanId,
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    ...(span.remoteParent !== undefined && { remoteParent: span.remoteParent }),
    ...(span.traceState !== "" && { traceState: span.traceState }),
    name: span.name,
    ...(target !== undefined && { target }),
    kind: span.kind,
    service: span.service,
    depth: node.depth,
    ...(node.entry && { entry: true }),
    start: rounded(start),
    duration: rounded(end - start),
    ...(span.end === undefined && { unfinished: true }),
    startTime: String(span.start),
    own: rounded(totalLength(own)),
    ...(children.length > 0 && {
      ownParts: visibleParts(own, (end - start) / 200).flatMap(([from, to]) => [rounded(from - start), rounded(to - start)]),
    }),
    ...(Math.abs(shift) >= 1e-3 && { shift: rounded(shift) }),
    ...(misplaced !== undefined && { misplaced }),
    status: span.status,
    ...(isFailure(span) && { failed: true }),
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

/** Joins parts with less than `gap` between them and removes parts shorter than `gap`, which would not be visible. */
function visibleParts(parts: readonly Interval[], gap: number): Interval[] {
  const joined: [number, number][] = [];
  for (const [from, to] of parts) {
    const last = joined.at(-1);
    if (last !== undefined && from - last[1] < gap) last[1] = to;
    else joined.push([from, to]);
  }
  return joined.filter(([from, to]) => to - from >= gap);
}

/** Rounds to a nanosecond, to remove floating-point errors. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1e6) / 1e6;
}
