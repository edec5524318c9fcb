import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);

/** The traces that the example draws, without what the SDK logs. */
async function traces(...args: string[]): Promise<string[]> {
  const { stdout } = await run(process.execPath, ["examples/long-task/main.ts", ...args], { timeout: 60_000 });
  const lines = stdout.split("\n").filter((line) => /^(?:trace | {2})/.test(line));
  return lines
    .join("\n")
    .split(/^trace [0-9a-f]{32}\n/m)
    .slice(1);
}

const WORK = /^ {10}work on task CONSUMER worker$/m;
const NOTIFICATION = /^ {10}POST CLIENT main\n {12}POST SERVER main$/m;
const SUBSCRIPTION = /^ {4}SubscribeToTask CLIENT main\n {6}POST CLIENT main\n {8}SubscribeToTask SERVER main$/m;

it("the example of a long task is one trace, with the work of another process, push notifications and a resubscription", async () => {
  const [trace, ...others] = await traces();
  expect(others).toEqual([]);
  for (const part of [WORK, NOTIFICATION, SUBSCRIPTION]) expect(trace).toMatch(part);
});

it("the example of a long task is two linked traces with the argument link", async () => {
  const [trace, work] = await traces("link");
  expect(trace).not.toMatch(WORK);
  for (const part of [NOTIFICATION, SUBSCRIPTION]) expect(trace).toMatch(part);
  expect(work?.trim()).toBe("work on task CONSUMER worker (linked to SendMessage SERVER main)");
});
