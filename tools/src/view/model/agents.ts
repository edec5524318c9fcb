import { isFailure } from "./http.ts";
import { subtract, totalLength, union } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import type { SpanNode } from "./tree.ts";

/** What a service contributes to a trace. Times are milliseconds. */
export interface Agent {
  readonly service: string;
  /** The index of its colour on the page; see `colours`. */
  readonly colour: number;
  readonly spans: number;
  readonly errors: number;
  /** The number of calls it received, or of traces it began. */
  readonly calls: number;
  /** The duration of the longest call. */
  readonly slowest: number;
  /** The time in which it was working or waiting; simultaneous calls count once. The sum of `own` and `callees`. */
  readonly total: number;
  /** The part of the total in which at least one of its calls was not waiting for another agent. */
  readonly own: number;
  /** The part of the total in which it was only waiting for other agents. */
  readonly callees: number;
  /** The time in which a span with a model's token usage was open. */
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
    const total = totalLength(busy);
    return {
      service,
      colour: colourOf.get(service) ?? 0,
      spans: own.length,
      errors: own.filter(({ span }) => isFailure(span)).length,
      calls: calls.length,
      slowest: calls.reduce((slowest, [{ start, end }]) => Math.max(slowest, end - start), 0),
      total,
      own: totalLength(working),
      callees: total - totalLength(working),
      models: totalLength(union(own.filter((node) => modelSpans.has(node)).map(interval))),
    };
  });
}

interface Segment {
  readonly busy: Interval[];
  readonly waiting: Interval[];
}

/** Each call of a service, by its entry span: the spans below it, down to the entry spans of the agents that it calls. */
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

/** The time in which the caller waited for this callee: the duration of the caller's CLIENT span. Producers do not wait for consumers. */
function waitFor(callee: SpanNode): Interval | undefined {
  const { parent, span } = callee;
  if (parent === undefined || span.kind === "CONSUMER" || parent.span.kind === "PRODUCER") return undefined;
  return interval(parent.span.kind === "CLIENT" ? parent : callee);
}

const interval = ({ start, end }: SpanNode): Interval => [start, end];

/** The number of colours for agents. */
export const COLOURS = 10;

/** A colour for each service: the same in every trace, unless two services of a trace would have the same colour. */
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
