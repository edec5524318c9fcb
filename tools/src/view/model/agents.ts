import { length, subtract, union } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import type { SpanNode } from "./tree.ts";

/** A service's part in a trace. Times are milliseconds. */
export interface Agent {
  readonly service: string;
  /** Which of the page's colours is its; see `colours`. */
  readonly colour: number;
  readonly spans: number;
  readonly errors: number;
  /** How often it was called, or began by itself. */
  readonly calls: number;
  /** The longest of these. */
  readonly slowest: number;
  /** How long it was at work or waiting: calls at the same time count once. `own` and `callees` together. */
  readonly total: number;
  /** Of the total, when in at least one of its calls it was not waiting for another agent. */
  readonly own: number;
  /** Of the total, when it was only waiting for other agents' answers. */
  readonly callees: number;
  /** How long a span that tells of a model's tokens was open. */
  readonly models: number;
}

/** The services of a trace, in the order of their first span. */
export function agentsOf(nodes: readonly SpanNode[], modelSpans: ReadonlySet<SpanNode>): Agent[] {
  const byTime = nodes.toSorted((a, b) => a.start - b.start);
  const services = Map.groupBy(byTime, ({ span }) => span.service);
  const colourOf = colours([...services.keys()]);
  const parts = Map.groupBy(segments(nodes).entries(), ([entry]) => entry.span.service);
  return [...services].map(([service, own]) => {
    const calls = parts.get(service) ?? [];
    const busy = union(calls.flatMap(([, segment]) => segment.busy));
    const working = union(calls.flatMap(([, segment]) => subtract(union(segment.busy), union(segment.waiting))));
    const total = length(busy);
    return {
      service,
      colour: colourOf.get(service) ?? 0,
      spans: own.length,
      errors: own.filter(({ span }) => span.status === "error").length,
      calls: calls.length,
      slowest: calls.reduce((slowest, [{ start, end }]) => Math.max(slowest, end - start), 0),
      total,
      own: length(working),
      callees: total - length(working),
      models: length(union(own.filter((node) => modelSpans.has(node)).map(interval))),
    };
  });
}

interface Segment {
  readonly busy: Interval[];
  readonly waiting: Interval[];
}

/** By the span that begins it, each stretch of a service's work: the spans beneath, down to those of the agents that it calls. */
function segments(nodes: readonly SpanNode[]): Map<SpanNode, Segment> {
  const all = new Map<SpanNode, Segment>();
  const segmentOf = new Map<SpanNode, Segment>();
  for (const node of nodes) {
    const above = node.parent && segmentOf.get(node.parent);
    const segment = node.entry || above === undefined ? { busy: [], waiting: [] } : above;
    segmentOf.set(node, segment);
    if (node.entry) {
      all.set(node, segment);
      const wait = waitFor(node);
      if (wait !== undefined) above?.waiting.push(wait);
    }
    segment.busy.push(interval(node));
  }
  return all;
}

/** When a caller waited for this callee: as long as its CLIENT span lasts, by the caller's own clock. Nobody waits for a message's consumer. */
function waitFor(callee: SpanNode): Interval | undefined {
  const { parent, span } = callee;
  if (parent === undefined || span.kind === "CONSUMER" || parent.span.kind === "PRODUCER") return undefined;
  return interval(parent.span.kind === "CLIENT" ? parent : callee);
}

const interval = ({ start, end }: SpanNode): Interval => [start, end];

/** How many colours the page has. */
export const COLOURS = 10;

/** A colour for each service, the same on every page, unless two services of a trace would have the same. */
export function colours(services: readonly string[]): Map<string, number> {
  const given = new Map<string, number>();
  const taken = new Set<number>();
  for (const service of services.toSorted()) {
    let colour = hash(service) % COLOURS;
    while (taken.has(colour)) colour = (colour + 1) % COLOURS;
    given.set(service, colour);
    taken.add(colour);
    if (taken.size === COLOURS) taken.clear();
  }
  return given;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return value;
}
