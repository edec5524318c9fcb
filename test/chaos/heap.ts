import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../../benchmarks/measure/statistics.ts";

/** Bytes of the heap when the garbage is gone. */
export async function heapUsed(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.({ type: "major", execution: "sync" });
    await sleep(20); // for what is finalized after a collection
  }
  return process.memoryUsage().heapUsed;
}

/** Bytes that the heap grows by with a call: the median slope between any two points, for tables that grow and shrink do so in steps. */
export function slopeOf(heap: readonly number[], callsBetween: number): number {
  const slopes = heap.flatMap((later, i) => heap.slice(0, i).map((earlier, j) => (later - earlier) / (i - j) / callsBetween));
  return median(slopes);
}
