import { expect, it } from "vitest";
import { runChaos } from "./chaos.ts";
import { SUBJECTS } from "./job.ts";

// For more calls: `npm run test:chaos`.
const CALLS = 300;
const SEED = Number(process.env["CHAOS_SEED"] ?? 20_261_122);

it.concurrent.each(SUBJECTS)(
  `%s: ends ${CALLS} failing calls as without the library, each span once, and leaves nothing behind (seed ${SEED})`,
  async (subject) => {
    const { defects, traced, scenarios } = await runChaos({ subject, seed: SEED, calls: CALLS, isQuick: true });
    expect(defects).toEqual([]);
    expect(traced.spans?.started).toBeGreaterThan(CALLS / 2);
    expect(scenarios.size).toBeGreaterThan(10);
  },
  120_000,
);
