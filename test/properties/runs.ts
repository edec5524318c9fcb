import type { Parameters } from "fast-check";
import type { TestOptions } from "vitest";

const ASKED = process.env["RUNS"];
const SEED = Number(process.env["SEED"] ?? 20_261_122);

/** How often a property is held against generated input. More, and others: `RUNS=10000 SEED=7 vitest run test/properties`. */
export function runs(usual: number): Parameters<never> & Parameters<unknown> {
  return { numRuns: ASKED === undefined ? usual : Number(ASKED), seed: SEED };
}

/** Time for the usual number of runs, and for any number that was asked for. */
export const PATIENT: TestOptions = { timeout: ASKED === undefined ? 60_000 : 3_600_000 };
