import type { Parameters } from "fast-check";
import type { TestOptions } from "vitest";

const REQUESTED = process.env["RUNS"];
const SEED = Number(process.env["SEED"] ?? 20_261_122);

/** The number of runs of a property and their seed, which can be overridden: `RUNS=10000 SEED=7 vitest run test/properties`. */
export function runs(defaultRuns: number): Parameters<never> & Parameters<unknown> {
  return { numRuns: REQUESTED === undefined ? defaultRuns : Number(REQUESTED), seed: SEED };
}

/** A timeout for the default number of runs, and a longer one for a requested number. */
export const LONG_TIMEOUT: TestOptions = { timeout: REQUESTED === undefined ? 60_000 : 3_600_000 };
