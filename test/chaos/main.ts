// npm run test:chaos: 100,000 calls and visits, each with this library and without it.
//   CHAOS_SEED      the seed, by default the time; the same seed makes the same calls
//   CHAOS_CALLS     the total number of calls; default: 100000
//   CHAOS_ONLY      only these clients and servers: fetch,undici,axios,got,node,express,http2
//   CHAOS_FIRST     the number of the first call; default: 0
//   CHAOS_SCENARIO, CHAOS_USAGE   only scenarios, and usages of the client (or handlers), that match these regular expressions
//   CHAOS_QUICK=1   nothing that waits for a timer
//   CHAOS_PLAIN=1   without this library on both sides, to check the harness itself
import { runChaos } from "./chaos.ts";
import type { Verdict } from "./chaos.ts";
import { SUBJECTS } from "./job.ts";
import type { Subject } from "./job.ts";
import { repeatCommand, scenarioTable, summaryTable } from "./report.ts";

/** The shares of all calls. */
const SHARES: Record<Subject, number> = { fetch: 20, undici: 20, axios: 20, got: 20, node: 8, express: 6, http2: 6 };

const { CHAOS_SEED, CHAOS_CALLS, CHAOS_ONLY, CHAOS_FIRST, CHAOS_SCENARIO, CHAOS_USAGE, CHAOS_QUICK, CHAOS_PLAIN } =
  process.env as Record<string, string | undefined>;
const seed = Number(CHAOS_SEED ?? Date.now() % 2 ** 31);
const all = Number(CHAOS_CALLS ?? 100_000);
const subjects = (CHAOS_ONLY?.split(",") ?? SUBJECTS) as readonly Subject[];
const shares = subjects.reduce((sum, subject) => sum + SHARES[subject], 0);

console.log(`seed ${seed}, ${all} calls`);
const verdicts: Verdict[] = [];
for (const subject of subjects) {
  const verdict = await runChaos({
    subject,
    seed,
    calls: Math.round((all * SHARES[subject]) / shares),
    first: Number(CHAOS_FIRST ?? 0),
    scenario: CHAOS_SCENARIO,
    usage: CHAOS_USAGE,
    isQuick: CHAOS_QUICK !== undefined,
    isTraced: CHAOS_PLAIN === undefined,
  });
  verdicts.push(verdict);
  console.log(`${subject}: ${verdict.calls} calls, ${verdict.seconds.toFixed()} s, ${verdict.defects.length} defects`);
  for (const defect of verdict.defects) console.log(`- ${defect}`);
  if (verdict.defects.length > 0) console.log(`to repeat: ${repeatCommand(subject, seed)}`);
}
console.log(`\n${scenarioTable(verdicts)}\n\n${summaryTable(verdicts)}\n\nseed ${seed}`);
process.exitCode = verdicts.some(({ defects }) => defects.length > 0) ? 1 : 0;
