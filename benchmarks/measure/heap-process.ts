// In a process of its own: sampled fetches to ever new origins, and what is left of them when the garbage is gone.
import { context } from "@opentelemetry/api";
import { targetOf } from "../transports/exchange.ts";
import { fetchTrio } from "../rows/fetch.ts";
import { USUAL, rowOptions } from "../rows/options.ts";
import type { RowSpec } from "../rows/options.ts";
import { startTelemetry } from "../rows/telemetry.ts";
import { inOrder, times } from "./in-order.ts";
import { median } from "./statistics.ts";
import { repeat } from "./trio.ts";
import type { Call } from "./trio.ts";

const CALLS = 1000;
const BLOCKS = 100;
const STEPS = 10;

const spec: RowSpec = { ...USUAL, row: "fetch" };
const { parent, settle } = startTelemetry(spec);
let origin = 0;
const nextTarget = (): ReturnType<typeof targetOf> => targetOf(`agent-${origin++}.internal`, spec.url);
const { base, traced } = fetchTrio({ ...rowOptions(spec), nextTarget });

/** Bytes of the heap after another 100,000 calls, when the garbage is gone. */
async function heapAfter(call: Call): Promise<number> {
  await context.with(parent, () =>
    inOrder(times(BLOCKS), async () => {
      await repeat(call, CALLS);
      await settle();
    }),
  );
  await inOrder(times(3), async () => {
    globalThis.gc?.({ type: "major", execution: "sync" });
    await new Promise((resolve) => setTimeout(resolve, 20)); // for what is finalized after a collection
  });
  return process.memoryUsage().heapUsed;
}

/** Bytes a call: the median slope between any two points, for tables that grow and shrink do so in steps. */
async function slope(call: Call): Promise<number> {
  const heap: number[] = [];
  await inOrder(times(STEPS + 1), async () => void heap.push(await heapAfter(call)));
  heap.shift();
  const slopes = heap.flatMap((later, i) => heap.slice(0, i).map((earlier, j) => (later - earlier) / (i - j) / (BLOCKS * CALLS)));
  return median(slopes);
}

// The base tells what the measuring itself leaves behind.
const harness = await slope(base);
process.stdout.write(JSON.stringify((await slope(traced)) - harness));
process.exit();
