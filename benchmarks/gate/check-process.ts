// The entry of the gate's child processes: each measures one scenario until it is clear on which side of the limits it is.
import { context } from "@opentelemetry/api";
import { delayTraced } from "../measure/calls.ts";
import type { CallVariants } from "../measure/calls.ts";
import { estimateCost } from "../measure/cost.ts";
import { measureHeaderBytes } from "../measure/header-bytes.ts";
import { measureAllocation } from "../measure/memory.ts";
import { measureRounds, noRounds, warmUp } from "../measure/rounds.ts";
import { planOf } from "../measure/run-in-child.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { startTelemetry } from "../scenarios/telemetry.ts";
import { createVariants } from "../scenarios/variants.ts";
import type { Limits } from "../targets.ts";
import { judgeAllocation, judgeCost, judgeHeaderBytes } from "./judge.ts";
import type { Finding } from "./judge.ts";

export interface CheckJob {
  readonly scenario: Scenario;
  readonly limits: Limits;
  /** Microseconds by which each traced call is delayed. */
  readonly delay: number;
}

/** The rounds after which the process first looks at the result, and between two looks. */
const ROUNDS_PER_LOOK = 200;
const MAX_ROUNDS = 800;

const { scenario, limits, delay } = JSON.parse(process.argv[2] as string) as CheckJob;
// The SDK is registered before the client is instrumented, as with `node --import`.
const { parent, flush } = startTelemetry(scenario);
const variants = delayTraced(await createVariants(scenario), delay);
const findings = await context.with(parent, async () => [
  ...(await checkCost(variants)),
  ...(limits.bytes === undefined ? [] : judgeAllocation(await measureAllocation(variants, flush, 0), limits)),
  ...(limits.headerBytes === undefined ? [] : judgeHeaderBytes(await measureHeaderBytes(variants, scenario), limits)),
]);
process.stdout.write(JSON.stringify(findings));
// Timers and sockets that the clients and the SDK keep open would delay the exit.
process.exit();

async function checkCost(measured: CallVariants): Promise<Finding[]> {
  const options = { calls: planOf(scenario.subject).calls, flush };
  const rounds = noRounds();
  await warmUp(measured, options);
  for (;;) {
    await measureRounds(measured, rounds, ROUNDS_PER_LOOK, options);
    const found = judgeCost(estimateCost(rounds), limits);
    if (rounds.traced.length >= MAX_ROUNDS || found.every(({ verdict }) => verdict !== "unclear")) return found;
  }
}
