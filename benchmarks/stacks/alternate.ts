import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { inOrder, times } from "../measure/in-order.ts";
import { TIMING_FLAGS } from "../measure/processes.ts";
import { median } from "../measure/statistics.ts";
import type { StackResult } from "./process.ts";
import type { StackName, Way } from "./stack.ts";

/** Somebody whose tracing a whole client is measured with. */
export interface Contender {
  readonly name: string;
  readonly way: Way;
  readonly flags?: readonly string[];
  readonly environment?: Record<string, string>;
  /** Which stacks it instruments; default: all. */
  readonly stacks?: readonly StackName[];
}

export const PLAIN: Contender = { name: "plain", way: "plain" };
export const FLOOR: Contender = { name: "floor", way: "floor" };
export const OURS: Contender = { name: "a2a-otel", way: "a2a-otel" };
export const OPENTELEMETRY: Contender = {
  name: "opentelemetry",
  way: "plain",
  flags: ["--import", new URL("opentelemetry.ts", import.meta.url).href],
};

const PROCESS = fileURLToPath(new URL("process.ts", import.meta.url));
const execute = promisify(execFile);

/** Microseconds of CPU for a call of a whole client, by contender: one time for each turn that its processes took. */
export type Turns = Record<string, number[]>;

export async function alternate(
  stack: StackName,
  contenders: readonly Contender[],
  processes: number,
  inMemory: boolean,
  progress: (text: string) => void,
): Promise<Turns> {
  const taking = contenders.filter(({ stacks }) => stacks === undefined || stacks.includes(stack));
  const turns: Turns = Object.fromEntries(taking.map(({ name }) => [name, []]));
  await inOrder(times(processes), (turn) =>
    inOrder(taking, async ({ name, way, flags = [], environment = {} }) => {
      progress(`${stack}, ${name}: process ${turn + 1} of ${processes}`);
      const job = JSON.stringify({ stack, way, inMemory });
      const options = { env: { ...process.env, ...environment } };
      const { stdout } = await execute(process.execPath, [...TIMING_FLAGS, ...flags, PROCESS, job], options);
      const { microseconds, traced } = JSON.parse(stdout.slice(stdout.lastIndexOf("\n") + 1)) as StackResult;
      if (inMemory && stack !== "server" && traced !== (name !== PLAIN.name))
        throw new Error(`${stack}, ${name}: traced is ${traced}`);
      turns[name]?.push(microseconds);
    }),
  );
  return turns;
}

/** What a contender's calls take, at the median. */
export function timeOf(turns: Turns, name: string): number {
  return median(turns[name] ?? []);
}

/** What they take beyond those without tracing: compared turn by turn, for from one to the next the machine is much the same. */
export function ownTimeOf(turns: Turns, name: string): number {
  return median(ownTimes(turns, name));
}

/** How one contender's own time compares with another's. */
export function shareOf(turns: Turns, name: string, other: string): number {
  const others = ownTimes(turns, other);
  return median(ownTimes(turns, name).map((own, turn) => own / (others[turn] ?? Number.NaN)));
}

function ownTimes(turns: Turns, name: string): number[] {
  return (turns[name] ?? []).map((time, turn) => time - (turns[PLAIN.name]?.[turn] ?? Number.NaN));
}
