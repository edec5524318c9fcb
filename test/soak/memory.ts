import { setTimeout as sleep } from "node:timers/promises";
import type { Memory } from "./messages.ts";

/** Memory in use after a garbage collection. */
export async function memory(): Promise<Memory> {
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.({ type: "major", execution: "sync" });
    await sleep(50); // for finalizers that run after a collection
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}
