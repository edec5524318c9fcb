import type { Cost } from "../measure/cost.ts";
import type { Allocation } from "../measure/memory.ts";
import { allocationInChild, costInChild, tailLatencyInChild } from "../measure/run-in-child.ts";
import { combineEstimates, median } from "../measure/statistics.ts";
import type { Scenario } from "../scenarios/scenario.ts";

/** How thoroughly a table is measured. */
export interface Effort {
  readonly processes: number;
  /** Share of the usual number of rounds. */
  readonly share: number;
  readonly progress: (text: string) => void;
}

/** The combined results of several processes that measured the same scenario. */
export interface Measurement {
  readonly scenario: Scenario;
  readonly cost: Cost;
  readonly allocation: Allocation;
}

export async function measureRepeatedly(name: string, scenario: Scenario, effort: Effort): Promise<Measurement> {
  const { processes, share, progress } = effort;
  const costs: Cost[] = [];
  for (let i = 0; i < processes; i++) {
    progress(`${name}: process ${i + 1} of ${processes}`);
    costs.push(await costInChild(scenario, share));
  }
  progress(`${name}: allocations`);
  return { scenario, cost: combineCosts(costs), allocation: await allocationInChild(scenario) };
}

export function measureTailLatency(name: string, scenario: Scenario, { progress }: Effort): Promise<number> {
  progress(`${name}: 99th percentile`);
  return tailLatencyInChild(scenario);
}

function combineCosts(costs: readonly Cost[]): Cost {
  return {
    untraced: median(costs.map((each) => each.untraced)),
    baseline: median(costs.map((each) => each.baseline)),
    own: combineEstimates(costs.map((each) => each.own)),
    ratio: combineEstimates(costs.map((each) => each.ratio)),
    medianOwn: median(costs.map((each) => each.medianOwn)),
  };
}
