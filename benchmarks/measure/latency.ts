import { inOrder, times } from "./in-order.ts";
import { median, quantile } from "./statistics.ts";
import type { Call, Trio } from "./trio.ts";

// Blocks: the last of the compilers is done by then, and "hot" is what is asked.
const WARM_UP = 100;
const BLOCKS = 40;
const CALLS = 500;

/**
 * The 99th percentile of what the library adds to a call, in microseconds on the clock: that of the traced calls less that of the base, for
 * a client has slow calls of its own. It is taken of each block of calls, and their median counts: one block in which the machine was busy
 * elsewhere would else decide alone.
 */
export async function slowest(trio: Trio, settle: () => Promise<void>): Promise<number> {
  const base: number[] = [];
  const traced: number[] = [];
  const block = new Float64Array(CALLS);
  await inOrder(times(WARM_UP + BLOCKS), async (round) => {
    await timeEach(trio.base, block);
    if (round >= WARM_UP) base.push(quantile([...block], 0.99));
    await timeEach(trio.traced, block);
    if (round >= WARM_UP) traced.push(quantile([...block], 0.99));
    await settle();
  });
  return median(traced) - median(base);
}

async function timeEach(call: Call, into: Float64Array): Promise<void> {
  for (let i = 0; i < into.length; i++) {
    const start = performance.now();
    const result = call();
    // oxlint-disable-next-line no-await-in-loop -- one after another is what is measured
    if (result instanceof Promise) await result;
    into[i] = (performance.now() - start) * 1000;
  }
}
