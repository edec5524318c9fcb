import type { Agent } from "../model/agents.ts";
import { buildModel } from "../model/model.ts";
import type { TraceModel } from "../model/model.ts";
import type { UsageSum } from "../model/usage.ts";
import type { Prices } from "../prices.ts";
import type { Store, StoredTrace } from "../store.ts";

/** The content of the list page. */
export interface TraceList {
  /** Newest first. */
  readonly traces: readonly TraceSummary[];
  /** The number of evicted traces. */
  readonly evicted: number;
  /** Refused exports by message; the latest last. */
  readonly refusals: readonly { readonly message: string; readonly count: number }[];
}

export interface TraceSummary {
  readonly traceId: string;
  readonly name: string;
  readonly startedAt: number;
  readonly duration: number;
  readonly spans: number;
  readonly errors: number;
  readonly agents: readonly Pick<Agent, "service" | "colour">[];
  readonly usage: UsageSum;
}

/** Summaries of traces. Each is computed once for each change of its trace. */
export function createSummaries(prices: Prices | undefined): (store: Store) => TraceSummary[] {
  const known = new WeakMap<StoredTrace, TraceSummary>();
  return (store) =>
    store.traces().map((trace) => {
      const summary = known.get(trace) ?? summarize(buildModel(trace, prices));
      known.set(trace, summary);
      return summary;
    });
}

function summarize({ traceId, name, startedAt, duration, spans, errors, agents, usage }: TraceModel): TraceSummary {
  return {
    traceId,
    name,
    startedAt,
    duration,
    spans: spans.length,
    errors,
    agents: agents.map(({ service, colour }) => ({ service, colour })),
    usage: usage.all,
  };
}
