import { repeatCall } from "./calls.ts";
import type { Call, CallVariants } from "./calls.ts";
import { median, quantile } from "./statistics.ts";

const WARM_UP_CALLS = 50_000;
const BLOCKS = 40;
const CALLS_PER_BLOCK = 500;

/**
 * The 99th percentile of what the library adds to a call, in wall-clock microseconds: that of the traced calls minus that of the untraced calls,
 * because a client has slow calls of its own. It is the median over blocks of calls, so that one block in which another process ran does not decide.
 */
export async function measureTailLatency({ untraced, traced }: CallVariants, flush: () => Promise<void>): Promise<number> {
  for (let made = 0; made < WARM_UP_CALLS; made += CALLS_PER_BLOCK) {
    await repeatCall(untraced, CALLS_PER_BLOCK);
    await repeatCall(traced, CALLS_PER_BLOCK);
    await flush();
  }
  const untracedTails: number[] = [];
  const tracedTails: number[] = [];
  for (let block = 0; block < BLOCKS; block++) {
    untracedTails.push(quantile(await timeEachCall(untraced), 0.99));
    tracedTails.push(quantile(await timeEachCall(traced), 0.99));
    await flush();
  }
  return median(tracedTails) - median(untracedTails);
}

async function timeEachCall(call: Call): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < CALLS_PER_BLOCK; i++) {
    const start = performance.now();
    const result = call();
    if (result instanceof Promise) await result;
    times.push((performance.now() - start) * 1000);
  }
  return times;
}
