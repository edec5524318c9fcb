import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { RowName, RowSpec } from "../rows/options.ts";
import { ALLOCATION_FLAGS } from "./allocation.ts";
import type { Allocation } from "./allocation.ts";
import type { Job } from "./process.ts";
import type { Timing } from "./rotation.ts";

const PROCESS = fileURLToPath(new URL("process.ts", import.meta.url));

/** One thread, so that the collector's work is done, and counted, where it falls due; a young generation that does not grow on the way. */
export const TIMING_FLAGS: readonly string[] = ["--single-threaded", "--min-semi-space-size=16", "--max-semi-space-size=16"];

/** How much of it is measured: rounds of 500 calls, and turns within a round. */
interface Effort {
  readonly rounds: number;
  readonly calls: number;
  readonly turns: number;
}

/** axios takes so long itself that fewer rounds, each in more turns, say more. */
const EFFORTS: Partial<Record<RowName, Effort>> = {
  axios: { rounds: 60, calls: 500, turns: 20 },
};
/** Fewer rounds than these say nothing of a client that takes long itself. */
const LEAST = 20;
const EFFORT: Effort = { rounds: 200, calls: 500, turns: 1 };

export interface Measuring {
  /** Of the usual number of rounds, so many; default: 1. */
  readonly share?: number;
  /** Microseconds that each traced call is delayed by; default: 0. */
  readonly delay?: number;
}

export function timing(spec: RowSpec, { share = 1, delay = 0 }: Measuring = {}): Promise<Timing> {
  const { rounds, calls, turns } = EFFORTS[spec.row] ?? EFFORT;
  const fewest = turns > 1 ? LEAST : 5;
  const job: Job = { spec, measure: "time", rounds: Math.max(fewest, Math.round(rounds * share)), calls, turns, delay };
  return run<Timing>(job, TIMING_FLAGS);
}

/** Microseconds. */
export function slowestTime(spec: RowSpec): Promise<number> {
  return run<number>({ spec, measure: "slowest", rounds: 0, calls: 0, turns: 0, delay: 0 }, TIMING_FLAGS);
}

export function allocated(spec: RowSpec): Promise<Allocation> {
  return run<Allocation>({ spec, measure: "bytes", rounds: 0, calls: 0, turns: 0, delay: 0 }, ALLOCATION_FLAGS);
}

/** Bytes. */
export function headersAdded(spec: RowSpec): Promise<number> {
  return run<number>({ spec, measure: "headers", rounds: 0, calls: 0, turns: 0, delay: 0 }, []);
}

const execute = promisify(execFile);

/** Measures in a process of its own, for what one measurement has compiled and cached another must not find. */
async function run<Result>(job: Job, flags: readonly string[]): Promise<Result> {
  const { stdout } = await execute(process.execPath, [...flags, PROCESS, JSON.stringify(job)]);
  return JSON.parse(stdout) as Result;
}
