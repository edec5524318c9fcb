import type { Prices } from "../prices.ts";
import type { Attributes } from "../span.ts";
import type { StoredTrace } from "../store.ts";
import { agentsOf } from "./agents.ts";
import type { Agent } from "./agents.ts";
import { callsOf } from "./calls.ts";
import type { Calls } from "./calls.ts";
import { isFailure } from "./http.ts";
import { notices } from "./notices.ts";
import { spanView } from "./span-view.ts";
import type { SpanView } from "./span-view.ts";
import { buildTree } from "./tree.ts";
import { countedUsage, usageOf, usageRows, usageSum } from "./usage.ts";
import type { UsageRow, UsageSum } from "./usage.ts";

/** A trace as the page shows it. */
export interface TraceModel {
  readonly traceId: string;
  /** Name and service of the first root. */
  readonly name: string;
  readonly service: string;
  /** Milliseconds since 1970: the earliest start time of a span, without correction of clocks. */
  readonly startedAt: number;
  /** Milliseconds. */
  readonly duration: number;
  /** Each span follows its parent; siblings are sorted by their start. */
  readonly spans: readonly SpanView[];
  readonly resources: readonly Attributes[];
  readonly errors: number;
  readonly agents: readonly Agent[];
  readonly calls: readonly Calls[];
  readonly usage: TraceUsage;
  /** Warnings about the data of the trace. */
  readonly notices: readonly string[];
}

export interface TraceUsage {
  /** By service and model. */
  readonly rows: readonly UsageRow[];
  readonly agents: readonly (UsageSum & { readonly service: string })[];
  readonly all: UsageSum;
}

/** Computes everything that the page shows of a trace. */
export function buildModel({ traceId, spans, refused }: Omit<StoredTrace, "revision">, prices?: Prices): TraceModel {
  const nodes = buildTree(spans);
  const root = nodes[0]?.span;
  const counted = countedUsage(nodes, prices);
  const agents = agentsOf(nodes, new Set(counted.keys()));
  const calls = callsOf(nodes);
  const resources = [...new Set(spans.map(({ resource }) => resource))];
  const resourceIndex = new Map(resources.map((resource, index) => [resource, index]));
  const byService = Map.groupBy(counted, ([{ span }]) => span.service);
  return {
    traceId,
    name: root?.name ?? "",
    service: root?.service ?? "",
    startedAt: spans.reduce((earliest, { start }) => Math.min(earliest, Number(start / 1000n) / 1000), Infinity),
    duration: nodes.reduce((last, { end }) => Math.max(last, end), 0),
    spans: nodes.map((node) => {
      const { resource, attributes } = node.span;
      return spanView(node, resourceIndex.get(resource) ?? 0, usageOf(attributes, prices), counted.has(node));
    }),
    resources,
    errors: spans.filter(isFailure).length,
    agents,
    calls,
    usage: {
      rows: usageRows(counted),
      agents: agents.flatMap(({ service }) => {
        const used = byService.get(service);
        return used === undefined ? [] : [Object.assign(usageSum(used.map(([, usage]) => usage)), { service })];
      }),
      all: usageSum([...counted.values()]),
    },
    notices: notices(nodes, refused),
  };
}
