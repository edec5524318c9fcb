import { setTimeout as sleep } from "node:timers/promises";

/** The resources that keep the process alive, after waiting at most `milliseconds` for those that are being closed. */
export async function remainingResources(milliseconds: number): Promise<readonly string[]> {
  const deadline = performance.now() + milliseconds;
  let remaining = activeResources();
  while (remaining.length > 0 && performance.now() < deadline) {
    await sleep(50);
    remaining = activeResources();
  }
  return remaining;
}

/** Without the channel to the parent process and the timer of this module. */
function activeResources(): readonly string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name !== "PipeWrap" && name !== "Pipe" && name !== "TTYWrap")
    .toSorted();
}
