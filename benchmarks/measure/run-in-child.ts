import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Scenario, Subject } from "../scenarios/scenario.ts";
import type { Job } from "./child-process.ts";
import type { Cost } from "./cost.ts";
import type { Allocation } from "./memory.ts";

/**
 * One thread, so that garbage collection is part of the CPU time and happens where it is due, and a young generation that does not grow during
 * the measurement.
 */
export const TIMING_FLAGS: readonly string[] = ["--single-threaded", "--min-semi-space-size=16", "--max-semi-space-size=16"];
/** Room for everything that is allocated between two collections. */
const ALLOCATION_FLAGS: readonly string[] = ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"];

interface RoundPlan {
  /** Calls of each variant in a round. */
  readonly calls: number;
  readonly rounds: number;
}

const PLAN: RoundPlan = { calls: 100, rounds: 600 };
/** An axios call takes ten times as long as the others. Its rounds are short, so that the three variants of a round stay within a few milliseconds. */
const PLANS: Partial<Record<Subject, RoundPlan>> = { axios: { calls: 20, rounds: 1500 } };

export function planOf(subject: Subject): RoundPlan {
  return PLANS[subject] ?? PLAN;
}

const MEASURE = new URL("child-process.ts", import.meta.url);

/** Measures the cost in a share of the usual number of rounds. */
export function costInChild(scenario: Scenario, share = 1): Promise<Cost> {
  return runInChild<Cost>(MEASURE, createJob(scenario, "cost", share), TIMING_FLAGS);
}

/** In microseconds. */
export function tailLatencyInChild(scenario: Scenario): Promise<number> {
  return runInChild<number>(MEASURE, createJob(scenario, "tail latency"), TIMING_FLAGS);
}

export function allocationInChild(scenario: Scenario): Promise<Allocation> {
  return runInChild<Allocation>(MEASURE, createJob(scenario, "allocation"), ALLOCATION_FLAGS);
}

export function headerBytesInChild(scenario: Scenario): Promise<number> {
  return runInChild<number>(MEASURE, createJob(scenario, "header bytes"), []);
}

function createJob(scenario: Scenario, measure: Job["measure"], share = 1): Job {
  const { calls, rounds } = planOf(scenario.subject);
  return { scenario, measure, calls, rounds: Math.ceil(rounds * share) };
}

const execute = promisify(execFile);

/** Saves a quarter of a second per process, and is no part of what is measured. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL("../results/compile-cache/", import.meta.url));

/** Runs a module in a child process, with the job as JSON in its argument, and returns what it prints. */
export async function runInChild<Result>(module: URL, job: object, flags: readonly string[]): Promise<Result> {
  const env = { ...process.env, NODE_COMPILE_CACHE };
  const { stdout } = await execute(process.execPath, [...flags, fileURLToPath(module), JSON.stringify(job)], { env });
  return JSON.parse(stdout) as Result;
}
