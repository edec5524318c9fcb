import { startChild } from "../support/child.ts";
import type { Child } from "../support/child.ts";
import { until } from "../support/telemetry.ts";

/** How a process ends that nothing was wrong with. */
export const WELL: { code: number | null; signal: NodeJS.Signals | null } = { code: 0, signal: null };

export const CLIENTS = ["fetch", "undici", "axios", "got"] as const;

let running: Child[] = [];

/** Runs code in a process of its own, until {@link stopAll}. */
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

/** What a program has told of something, oldest first. */
export function told(child: Child, what: string): unknown[] {
  const lines = child
    .output()
    .split("\n")
    .filter((line) => line.startsWith("["));
  return lines.map((line) => JSON.parse(line) as [string, unknown]).flatMap(([name, details]) => (name === what ? [details] : []));
}

/** Waits until a program has told of something, as long as it may still do so. */
export async function has(child: Child, what: string): Promise<void> {
  let isOver = false;
  void child.ended.then(() => (isOver = true));
  await until(() => isOver || told(child, what).length > 0, 20_000);
  if (told(child, what).length === 0) throw new Error(`it has ended, and printed: ${child.output()}`);
}

/** A CLIENT span as the programs tell of it. */
export const span = (path: string, answer: number | null, more: object = {}): object => ({
  kind: 2,
  path,
  answer,
  error: null,
  status: 0,
  ...more,
});

/** Spans in an order of their own: that of their ends is nobody's business here. */
export const sorted = (spans: readonly unknown[]): string[] => spans.map((one) => JSON.stringify(one)).toSorted();
