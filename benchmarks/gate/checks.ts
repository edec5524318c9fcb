import { TIMING_FLAGS, runInChild } from "../measure/run-in-child.ts";
import { USUAL } from "../scenarios/scenario.ts";
import type { Scenario, Subject } from "../scenarios/scenario.ts";
import type { SdkState } from "../scenarios/telemetry.ts";
import { TARGETS, gateLimits } from "../targets.ts";
import type { CheckJob } from "./check-process.ts";
import { confirm, isAbove } from "./judge.ts";
import type { Finding } from "./judge.ts";

export interface CheckResult {
  readonly name: string;
  readonly findings: readonly Finding[];
  /** Whether findings above a limit were confirmed by further processes. */
  readonly confirmed: boolean;
}

export interface CheckOptions {
  /** Runs only the checks whose name begins with this. */
  readonly only?: string | undefined;
  /** Delays each traced call by a number of microseconds, to test the gate. Default: 0. */
  readonly delay?: number;
  /** Is called for each check as soon as its result is known. */
  readonly onResult?: (result: CheckResult) => void;
}

export const STATE_NAMES: Record<SdkState, string> = {
  none: "no SDK",
  forward: "no SDK, trace received",
  unsampled: "unsampled",
  sampled: "sampled",
};

/** How many processes have to find a limit exceeded before the gate fails. */
const PROCESSES = 3;

/** Two processes measure at a time. The estimates of a process do not change when the other core is busy. */
const CONCURRENCY = 2;
const FLAGS = [...TIMING_FLAGS, "--expose-gc"];
const PROCESS = new URL("check-process.ts", import.meta.url);

/**
 * Checks each scenario that has limits, and returns whether all limits are kept. Once a limit is known to be exceeded the answer is clear, and
 * the scenarios that remain are measured in one process each.
 */
export async function runChecks({ only = "", delay = 0, onResult }: CheckOptions = {}): Promise<boolean> {
  const queue = scenariosWithLimits().filter((scenario) => checkName(scenario).startsWith(only));
  let kept = true;
  const work = async (): Promise<void> => {
    for (let scenario = queue.shift(); scenario !== undefined; scenario = queue.shift()) {
      const job: CheckJob = { scenario, limits: gateLimits(scenario.subject, scenario.state), delay };
      const confirmed = kept;
      const findings = await confirm(() => runInChild<Finding[]>(PROCESS, job, FLAGS), confirmed ? PROCESSES : 1);
      if (findings.some(isAbove)) kept = false;
      onResult?.({ name: checkName(scenario), findings, confirmed });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return kept;
}

function scenariosWithLimits(): Scenario[] {
  const scenarios: Scenario[] = [];
  for (const subject of Object.keys(TARGETS) as Subject[]) {
    for (const state of Object.keys(TARGETS[subject] ?? {}) as SdkState[]) scenarios.push({ ...USUAL, subject, state });
  }
  return scenarios;
}

function checkName({ subject, state }: Scenario): string {
  return `${subject}, ${STATE_NAMES[state]}`;
}
