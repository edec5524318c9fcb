import { setTimeout as sleep } from "node:timers/promises";

/** What keeps the process alive; what is being closed is waited for. */
export async function handles(milliseconds: number): Promise<readonly string[]> {
  const deadline = performance.now() + milliseconds;
  let left = active();
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(50);
    left = active();
  }
  return left;
}

/** Without the channel to the parent process, and this module's own timer. */
function active(): readonly string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name !== "PipeWrap" && name !== "Pipe" && name !== "TTYWrap")
    .toSorted();
}
