import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { TIMING_FLAGS } from "../measure/run-in-child.ts";
import { median } from "../measure/statistics.ts";
import type { ClientJob, ClientResult } from "./client-process.ts";
import type { ClientName, Tracing } from "./whole-client.ts";

/** A kind of tracing with which whole clients are measured. */
export interface Contender {
  readonly name: string;
  readonly tracing: Tracing;
  readonly flags?: readonly string[];
  readonly environment?: Record<string, string>;
  /** The clients that it instruments. Default: all. */
  readonly clients?: readonly ClientName[];
}

export const UNTRACED: Contender = { name: "untraced", tracing: "none" };
export const SDK_BASELINE: Contender = { name: "SDK baseline", tracing: "baseline" };
export const OURS: Contender = { name: "a2a-otel", tracing: "a2a-otel" };
export const OPENTELEMETRY: Contender = {
  name: "OpenTelemetry",
  tracing: "none",
  flags: ["--import", new URL("opentelemetry.ts", import.meta.url).href],
};

export interface CompareOptions {
  readonly contenders: readonly Contender[];
  /** Processes of each contender. */
  readonly processes: number;
  /** Over in-memory sockets, else against a server on loopback. */
  readonly inMemory: boolean;
  readonly progress: (text: string) => void;
}

/** CPU microseconds per call of a whole client: for each contender one time per process. */
export type ClientTimes = Record<string, number[]>;

const PROCESS = fileURLToPath(new URL("client-process.ts", import.meta.url));
const execute = promisify(execFile);

/** Measures a client with each contender. The processes of the contenders alternate. */
export async function compareContenders(client: ClientName, options: CompareOptions): Promise<ClientTimes> {
  const { processes, inMemory, progress } = options;
  const contenders = options.contenders.filter(({ clients }) => clients === undefined || clients.includes(client));
  const times: ClientTimes = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  for (let i = 0; i < processes; i++) {
    for (const contender of contenders) {
      progress(`${client}, ${contender.name}: process ${i + 1} of ${processes}`);
      const { microseconds, traced } = await measureContender(contender, { client, tracing: contender.tracing, inMemory });
      if (inMemory && client !== "server" && traced !== (contender.name !== UNTRACED.name)) {
        throw new Error(`${client}, ${contender.name}: the requests are ${traced ? "" : "not "}traced`);
      }
      times[contender.name]?.push(microseconds);
    }
  }
  return times;
}

async function measureContender({ flags = [], environment = {} }: Contender, job: ClientJob): Promise<ClientResult> {
  const options = { env: { ...process.env, ...environment } };
  const { stdout } = await execute(process.execPath, [...TIMING_FLAGS, ...flags, PROCESS, JSON.stringify(job)], options);
  return JSON.parse(stdout.slice(stdout.lastIndexOf("\n") + 1)) as ClientResult;
}

/** The median time of a contender's calls. */
export function medianTime(times: ClientTimes, name: string): number {
  return median(times[name] ?? []);
}

/** The median of the time that a contender adds to the untraced calls, which were measured at about the same time. */
export function addedTime(times: ClientTimes, name: string): number {
  return median(addedTimes(times, name));
}

/** The time that one contender adds, divided by the time that another one adds. */
export function addedTimeRatio(times: ClientTimes, name: string, other: string): number {
  const others = addedTimes(times, other);
  return median(addedTimes(times, name).map((time, i) => time / (others[i] ?? Number.NaN)));
}

function addedTimes(times: ClientTimes, name: string): number[] {
  return (times[name] ?? []).map((time, i) => time - (times[UNTRACED.name]?.[i] ?? Number.NaN));
}
