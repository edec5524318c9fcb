import { startChild } from "../support/child.ts";
import type { Child } from "../support/child.ts";
import { until } from "../support/telemetry.ts";

/** How a process ends without an error. */
export const EXITED_NORMALLY: { code: number | null; signal: NodeJS.Signals | null } = { code: 0, signal: null };

export const CLIENTS = ["fetch", "undici", "axios", "got"] as const;

let running: Child[] = [];

/** Runs code in a child process, at most until {@link stopAll}. */
export function run(code: string, env: Record<string, string> = {}, imports: string[] = []): Child {
  const child = startChild(code, { env, imports });
  running.push(child);
  return child;
}

/** Runs one of the programs. */
export function start(program: string, env: Record<string, string>, imports: string[] = []): Child {
  return run(`import "./test/process/programs/${program}.ts";`, env, imports);
}

export async function stopAll(): Promise<void> {
  await Promise.all(running.map((child) => child.stop()));
  running = [];
}

/** The details of all reports of a program under one name, oldest first. */
export function reports(child: Child, what: string): unknown[] {
  const lines = child
    .output()
    .split("\n")
    .filter((line) => line.startsWith("["));
  return lines.map((line) => JSON.parse(line) as [string, unknown]).flatMap(([name, details]) => (name === what ? [details] : []));
}

/** Waits until a program reports something. Fails if the program ends without doing so. */
export async function waitForReport(child: Child, what: string): Promise<void> {
  let isOver = false;
  void child.ended.then(() => (isOver = true));
  await until(() => isOver || reports(child, what).length > 0, 20_000);
  if (reports(child, what).length === 0) throw new Error(`the program ended without reporting ${what}: ${child.output()}`);
}

/** A CLIENT span as the programs report it. */
export const span = (path: string, answer: number | null, more: object = {}): object => ({
  kind: 2,
  path,
  answer,
  error: null,
  status: 0,
  ...more,
});

/** Spans in a fixed order, since the order of their ends does not matter here. */
export const sorted = (spans: readonly unknown[]): string[] => spans.map((one) => JSON.stringify(one)).toSorted();
