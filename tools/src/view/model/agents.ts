import { isFailure, isStandingStream } from "./http.ts";
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
  /** The part of the total in which at least one of its calls did something else than to wait for another agent. */
  readonly own: number;
  /** The part of the total in which it was only waiting for other agents. */
  readonly callees: number;
  /** The time in which a span with a model's token usage was open, without the calls of other agents that it contains. */
  readonly models: number;
}

/** The services of a trace, in the order of their first span. */
export function agentsOf(nodes: readonly SpanNode[], modelSpans: ReadonlySet<SpanNode>): Agent[] {
  const byTime = nodes.toSorted((a, b) => a.start - b.start);
  const services = Map.groupBy(byTime, ({ span }) => span.service);
  const colourOf = colours([...services.keys()]);
  const parts = Map.groupBy(segments(nodes, modelSpans), ({ entry }) => entry.span.service);
  return [...services].map(([service, own]) => {
    const calls = parts.get(service) ?? [];
    const total = totalLength(union(calls.flatMap(({ busy }) => busy)));
    const models = calls.flatMap((call) => call.models);
    const working = calls.flatMap(({ busy, waiting, active }) => [...subtract(union(busy), union(waiting)), ...active]);
    const worked = totalLength(union([...working, ...models]));
    return {
      service,
      colour: colourOf.get(service) ?? 0,
      spans: own.length,
      errors: own.filter(({ span }) => isFailure(span)).length,
      calls: calls.length,
      slowest: calls.reduce((slowest, { entry: { start, end } }) => Math.max(slowest, end - start), 0),
      total,
      own: worked,
      callees: total - worked,
      models: totalLength(union(models)),
    };
  });
}

/** A call of a service, by its entry span: the spans below it, down to the entry spans of the agents that it calls. */
interface Segment {
  readonly entry: SpanNode;
  readonly busy: Interval[];
  /** The time of its calls of other agents. */
  readonly waiting: Interval[];
  /** The time of spans that do something else than wait, even if a call is open at the same time. */
  readonly active: Interval[];
  /** The time of model spans without the calls of other agents below them, which are the tools of a model. */
  readonly models: Interval[];
}

function segments(nodes: readonly SpanNode[], modelSpans: ReadonlySet<SpanNode>): Segment[] {
  const segmentOf = new Map<SpanNode, Segment>();
  const waits = waitsOf(nodes);
  const isBelowWait = new Set<SpanNode>();
  const waitsBelow = new Map<SpanNode, Interval[]>();
  const all: Segment[] = [];
  for (const node of nodes) {
    const { parent, entry } = node;
    const above = parent && segmentOf.get(parent);
    const segment = entry || above === undefined ? { entry: node, busy: [], waiting: [], active: [], models: [] } : above;
    segmentOf.set(node, segment);
    if (segment !== above) all.push(segment);
    segment.busy.push(interval(node));
    if (!entry && parent !== undefined && (waits.has(parent) || isBelowWait.has(parent))) isBelowWait.add(node);
    if (node.children.length === 0 && !waits.has(node) && !isBelowWait.has(node)) segment.active.push(interval(node));
  }
  for (const [waited, caller] of waits) {
    segmentOf.get(caller)?.waiting.push(interval(waited));
    for (let node: SpanNode | undefined = caller; node !== undefined; node = node.entry ? undefined : node.parent) {
      if (modelSpans.has(node)) waitsBelow.set(node, [...(waitsBelow.get(node) ?? []), interval(waited)]);
    }
  }
  for (const node of modelSpans) {
    segmentOf.get(node)?.models.push(...subtract([interval(node)], union(waitsBelow.get(node) ?? [])));
  }
  return all;
}

/**
 * The spans during which a caller waits for another agent, with a span of the caller: the CLIENT span of the call, or else the callee's span.
 * Producers do not wait for consumers, and a standing event stream is not waited for.
 */
function waitsOf(nodes: readonly SpanNode[]): Map<SpanNode, SpanNode> {
  const clients = Map.groupBy(
    nodes.filter(({ span }) => span.kind === "CLIENT"),
    ({ span }) => span.service,
  );
  const waits = new Map<SpanNode, SpanNode>();
  for (const callee of nodes) {
    const { parent, span, entry } = callee;
    if (!entry || parent === undefined || span.kind === "CONSUMER" || parent.span.kind === "PRODUCER") continue;
    const others = clients.get(parent.span.service)?.map((client) => client.span) ?? [];
    if (!isStandingStream(parent.span, others)) waits.set(parent.span.kind === "CLIENT" ? parent : callee, parent);
  }
  return waits;
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
