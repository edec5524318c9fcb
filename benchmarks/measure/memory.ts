import { VARIANTS, repeatCall } from "./calls.ts";
import type { Call, CallVariants } from "./calls.ts";
import { median } from "./statistics.ts";

const BLOCKS = 15;
/** So few that what the longest call allocates fits into a young generation of 16 MB. */
const CALLS_PER_BLOCK = 200;
/** Calls of each variant before the first measurement: optimized code allocates less. */
const WARM_UP_CALLS = 30_000;

/** Bytes that a call allocates beyond the untraced call. */
export interface Allocation {
  readonly baseline: number;
  readonly traced: number;
}

/** Counts allocated bytes, after a number of calls to warm up. The process needs `--expose-gc`. */
export async function measureAllocation(
  variants: CallVariants,
  flush: () => Promise<void>,
  warmUpCalls: number = WARM_UP_CALLS,
): Promise<Allocation> {
  const warmUpBlocks = Math.ceil(warmUpCalls / CALLS_PER_BLOCK);
  const bytes: Record<(typeof VARIANTS)[number], number[]> = { untraced: [], baseline: [], traced: [] };
  for (let block = 0; block < warmUpBlocks + BLOCKS; block++) {
    for (const variant of VARIANTS) {
      const allocated = await allocatedPerCall(variants[variant]);
      await flush();
      if (block >= warmUpBlocks) bytes[variant].push(allocated);
    }
  }
  const untraced = median(bytes.untraced);
  return { baseline: median(bytes.baseline) - untraced, traced: median(bytes.traced) - untraced };
}

async function allocatedPerCall(call: Call): Promise<number> {
  if (globalThis.gc === undefined) throw new Error("the measurement of allocations needs node --expose-gc");
  globalThis.gc({ type: "minor", execution: "sync" });
  const before = process.memoryUsage().heapUsed;
  await repeatCall(call, CALLS_PER_BLOCK);
  return (process.memoryUsage().heapUsed - before) / CALLS_PER_BLOCK;
}
