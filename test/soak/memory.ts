import { setTimeout as sleep } from "node:timers/promises";
import type { Memory } from "./messages.ts";

/** Memory when the garbage is gone. */
export async function memory(): Promise<Memory> {
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.({ type: "major", execution: "sync" });
    await sleep(50); // for what is finalized after a collection
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

/** What keeps the process alive, but for its channel to the parent; what is being closed is waited for. */
export async function handles(milliseconds: number): Promise<readonly string[]> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const left = process.getActiveResourcesInfo().filter((name) => !/^(?:Pipe|TTY)/.test(name));
    if (left.length === 0 || performance.now() > deadline) return left.toSorted();
    await sleep(50);
  }
}
