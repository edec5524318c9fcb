import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../../benchmarks/measure/statistics.ts";

/** The used heap in bytes after a garbage collection. */
export async function heapUsed(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.({ type: "major", execution: "sync" });
    await sleep(20); // for finalizers that run after a collection
  }
  return process.memoryUsage().heapUsed;
}

/** Heap growth in bytes per call: the median slope between any two points, since hash tables grow and shrink in steps. */
export function slopeOf(heap: readonly number[], callsBetween: number): number {
  const slopes = heap.flatMap((later, i) => heap.slice(0, i).map((earlier, j) => (later - earlier) / (i - j) / callsBetween));
  return median(slopes);
}
