import { inOrder, times } from "./in-order.ts";
import { median } from "./statistics.ts";
import { SUBJECTS, repeat } from "./trio.ts";
import type { Call, Subject, Trio } from "./trio.ts";

const REPEATS = 15;
const CALLS = 500;
/** Calls of each before it is measured: only the last of the compilers leaves out what need not be allocated. */
const WARM_UP = 30_000;

/** Node's flags for this measurement: room for all that is allocated between two collections. */
export const ALLOCATION_FLAGS: readonly string[] = ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"];

/** Bytes that the floor and the library allocate for a call, beyond the base. */
export interface Allocation {
  readonly floor: number;
  readonly traced: number;
}

export async function allocation(trio: Trio, settle: () => Promise<void>): Promise<Allocation> {
  const bytes: Record<Subject, number[]> = { base: [], floor: [], traced: [] };
  await inOrder(times(WARM_UP / CALLS + REPEATS), async (round) => {
    await inOrder(SUBJECTS, async (subject) => {
      const allocated = await allocatedBy(trio[subject]);
      await settle();
      if (round >= WARM_UP / CALLS) bytes[subject].push(allocated);
    });
  });
  const base = median(bytes.base);
  return { floor: median(bytes.floor) - base, traced: median(bytes.traced) - base };
}

async function allocatedBy(call: Call): Promise<number> {
  if (globalThis.gc === undefined) throw new Error("allocation is measured under --expose-gc");
  globalThis.gc({ type: "minor", execution: "sync" });
  const before = process.memoryUsage().heapUsed;
  await repeat(call, CALLS);
  return (process.memoryUsage().heapUsed - before) / CALLS;
}
