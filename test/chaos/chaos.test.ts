import { expect, it } from "vitest";
import { runChaos } from "./chaos.ts";
import { SUBJECTS } from "./job.ts";

// More of it: `npm run test:chaos`.
const CALLS = 300;
const SEED = Number(process.env["CHAOS_SEED"] ?? 20_261_122);

it.concurrent.each(SUBJECTS)(
  `%s: of ${CALLS} calls that go wrong in every way each ends as without us, each span once, and nothing is left (seed ${SEED})`,
  async (subject) => {
    const { defects, traced, scenarios } = await runChaos({ subject, seed: SEED, calls: CALLS, isQuick: true });
    expect(defects).toEqual([]);
    expect(traced.spans?.started).toBeGreaterThan(CALLS / 2);
    expect(scenarios.size).toBeGreaterThan(10);
  },
  120_000,
);
