// npm run bench:micro -- <name>: measures benchmarks/micro/<name>.ts. The clever implementation, the obvious one, and a whole sampled call take
// turns in one process, so the gain is also printed as a share of the call's own time. STYLE.md: clever code stays if it gains at least 3 %.
import { globSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { context } from "@opentelemetry/api";
import type { Comparison } from "./micro/comparison.ts";
import { estimateMedian, median } from "./measure/statistics.ts";
import type { Estimate } from "./measure/statistics.ts";
import { repeatCall } from "./measure/calls.ts";
import type { Call } from "./measure/calls.ts";
import { USUAL } from "./scenarios/scenario.ts";
import { startTelemetry } from "./scenarios/telemetry.ts";
import { createVariants } from "./scenarios/variants.ts";

const ROUNDS = 200;
const WARM_UP_ROUNDS = 50;
const CALLS_PER_BLOCK = 500;
const BLOCK_NS = 1_000_000;
const REQUIRED_GAIN = 0.03;

const { positionals } = parseArgs({ allowPositionals: true });
const name = positionals[0];
if (name === undefined) {
  const names = globSync("micro/*.ts", { cwd: import.meta.dirname }).map((file) => basename(file, ".ts"));
  console.error(`Usage: npm run bench:micro -- <name>\nNames: ${names.filter((each) => each !== "comparison").join(", ")}`);
  process.exit(1);
}

const { comparison } = (await import(`./micro/${name}.ts`)) as { comparison: Comparison };
const { description, clever, obvious, usesPerCall = 1, call = "fetch" } = comparison;
const { parent, flush } = startTelemetry(USUAL);
const { untraced, traced } = await createVariants({ ...USUAL, subject: call });
await repeatCall(obvious, 50_000);
const uses = usesPerBlock(obvious);

const time: Record<"clever" | "obvious" | "untraced" | "traced", number[]> = { clever: [], obvious: [], untraced: [], traced: [] };
await context.with(parent, async () => {
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    // The order alternates, because the first of a pair may find colder caches.
    const pair = [
      async () => void time.clever.push(await nanoseconds(clever, uses)),
      async () => void time.obvious.push(await nanoseconds(obvious, uses)),
    ];
    for (const measure of round % 2 === 0 ? pair : pair.toReversed()) await measure();
    time.untraced.push(await nanoseconds(untraced, CALLS_PER_BLOCK));
    time.traced.push(await nanoseconds(traced, CALLS_PER_BLOCK));
    await flush();
  }
});
for (const times of Object.values(time)) times.splice(0, WARM_UP_ROUNDS);

const ownTime = median(time.traced.map((total, i) => total - (time.untraced[i] as number)));
const saved = estimateMedian(time.obvious.map((slower, i) => slower - (time.clever[i] as number)));
const gain = scaled(saved, usesPerCall / ownTime);
const verdict = gain.low >= REQUIRED_GAIN ? "keep the clever code" : "use the obvious code";
console.log(`${name}: ${description}
  clever    ${median(time.clever).toFixed(1)} ns
  obvious   ${median(time.obvious).toFixed(1)} ns
  saved     ${saved.value.toFixed(1)} ns (${saved.low.toFixed(1)} to ${saved.high.toFixed(1)}), ${usesPerCall} x per call
  own time  ${ownTime.toFixed(0)} ns per sampled ${call} call
  gain      ${percent(gain.value)} of the own time (${percent(gain.low)} to ${percent(gain.high)}): ${verdict}`);
process.exit();

/** Makes a block last about a millisecond. */
function usesPerBlock(work: Call): number {
  for (let count = 1000; ; count *= 2) {
    const start = process.hrtime.bigint();
    void repeatCall(work, count);
    if (Number(process.hrtime.bigint() - start) >= BLOCK_NS) return count;
  }
}

/** CPU time of one use, in nanoseconds. */
async function nanoseconds(work: Call, count: number): Promise<number> {
  const start = process.cpuUsage();
  await repeatCall(work, count);
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1000) / count;
}

function scaled({ value, low, high }: Estimate, factor: number): Estimate {
  return { value: value * factor, low: low * factor, high: high * factor };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
