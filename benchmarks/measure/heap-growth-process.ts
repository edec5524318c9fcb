// The entry of a child process that makes sampled fetch calls to a million origins and prints by how many bytes per call the heap has grown.
import { context } from "@opentelemetry/api";
import { createFetchVariants } from "../scenarios/fetch.ts";
import { USUAL, scenarioInputs } from "../scenarios/scenario.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { startTelemetry } from "../scenarios/telemetry.ts";
import { createDestination } from "../stub-transports/exchange.ts";
import { repeatCall } from "./calls.ts";
import type { Call } from "./calls.ts";
import { median } from "./statistics.ts";

const CALLS = 1000;
const BLOCKS = 100;
const STEPS = 10;

const scenario: Scenario = { ...USUAL, subject: "fetch" };
const { parent, flush } = startTelemetry(scenario);
let origins = 0;
const { untraced, traced } = createFetchVariants({
  ...scenarioInputs(scenario),
  nextDestination: () => createDestination(`agent-${origins++}.internal`, scenario.urlLength),
});

/** Bytes of the heap after another 100,000 calls and a garbage collection. */
async function heapAfterCalls(call: Call): Promise<number> {
  await context.with(parent, async () => {
    for (let block = 0; block < BLOCKS; block++) {
      await repeatCall(call, CALLS);
      await flush();
    }
  });
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.({ type: "major", execution: "sync" });
    await new Promise((resolve) => setTimeout(resolve, 20)); // finalizers run after a collection
  }
  return process.memoryUsage().heapUsed;
}

/** The median slope between any two measured points, because hash tables grow and shrink in steps. */
async function heapGrowthPerCall(call: Call): Promise<number> {
  const heap: number[] = [];
  for (let step = 0; step <= STEPS; step++) heap.push(await heapAfterCalls(call));
  heap.shift();
  const slopes = heap.flatMap((later, i) => heap.slice(0, i).map((earlier, j) => (later - earlier) / (i - j) / (BLOCKS * CALLS)));
  return median(slopes);
}

// The growth of untraced calls is that of the measurement itself.
const untracedGrowth = await heapGrowthPerCall(untraced);
process.stdout.write(JSON.stringify((await heapGrowthPerCall(traced)) - untracedGrowth));
process.exit();
