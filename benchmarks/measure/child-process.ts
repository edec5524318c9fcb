// The entry of the child processes that measure one scenario each: code that V8 has compiled for one scenario does not help the next one.
import { context } from "@opentelemetry/api";
import { createVariants } from "../scenarios/variants.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { startTelemetry } from "../scenarios/telemetry.ts";
import type { CallVariants } from "./calls.ts";
import { estimateCost } from "./cost.ts";
import type { Cost } from "./cost.ts";
import { measureHeaderBytes } from "./header-bytes.ts";
import { measureAllocation } from "./memory.ts";
import { measureRounds, noRounds, warmUp } from "./rounds.ts";
import { measureTailLatency } from "./tail-latency.ts";

/** What a child process measures. */
export interface Job {
  readonly scenario: Scenario;
  readonly measure: "cost" | "tail latency" | "allocation" | "header bytes";
  /** Calls of each variant in a round, for the cost. */
  readonly calls: number;
  /** Rounds, for the cost. */
  readonly rounds: number;
}

const job = JSON.parse(process.argv[2] as string) as Job;
// The SDK is registered before the client is instrumented, as with `node --import`.
const { parent, flush } = startTelemetry(job.scenario);
const variants = await createVariants(job.scenario);
const MEASUREMENTS: Record<Job["measure"], () => Promise<unknown>> = {
  cost: () => measureCost(job, variants),
  "tail latency": () => measureTailLatency(variants, flush),
  allocation: () => measureAllocation(variants, flush),
  "header bytes": () => measureHeaderBytes(variants, job.scenario),
};
const result = await context.with(parent, () => MEASUREMENTS[job.measure]());
process.stdout.write(JSON.stringify(result));
// Timers and sockets that the clients and the SDK keep open would delay the exit.
process.exit();

async function measureCost({ scenario, calls, rounds: count }: Job, measured: CallVariants): Promise<Cost> {
  const options = { calls: Math.max(calls, scenario.inFlight), inFlight: scenario.inFlight, flush };
  await warmUp(measured, options);
  const rounds = noRounds();
  await measureRounds(measured, rounds, count, options);
  return estimateCost(rounds);
}
