// One run of one client, in a process of its own, which has never loaded this library if it runs without it.
import { setTimeout as sleep } from "node:timers/promises";
import { renewShared } from "./call.ts";
import { startClientRun } from "./client-run.ts";
import type { Around } from "./client-run.ts";
import { heapUsed, slopeOf } from "./heap.ts";
import type { CallReport, Job, Message, Run, RunReport, SpanReport, Subject } from "./job.ts";
import { remainingResources } from "../support/active-resources.ts";
import { listeners, watchTimers } from "./leftovers.ts";
import { startServerRun } from "./server-run.ts";
import type { AroundVisits } from "./server-run.ts";
import { traceparentOf } from "./trace-ids.ts";
import type { Ways } from "./ways/way.ts";

/** The same headers arrive, and nobody looks. */
const UNTRACED: Around & AroundVisits = {
  make: (_, make) => make(),
  settled: () => {},
  traceparent: traceparentOf,
  look: () => {},
  visited: () => {},
};

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const begun = performance.now();

const uncaught = new Map<string, number>();
const caught = (kind: string, error: unknown): void => {
  if (process.env["CHAOS_STACKS"]) console.log(error);
  const text = `${kind} ${String(error)}`.replaceAll(/\d+/g, "N");
  uncaught.set(text, (uncaught.get(text) ?? 0) + 1);
};
process.on("uncaughtException", (error) => caught("uncaught", error));
process.on("unhandledRejection", (error) => caught("unhandled", error));
process.on("warning", (warning) => caught("warning", warning));

const WAYS = {
  fetch: async () => (await import("./ways/fetch.ts")).fetchWays,
  undici: async () => (await import("./ways/undici.ts")).undiciWays,
  axios: async () => (await import("./ways/axios.ts")).axiosWays,
  got: async () => (await import("./ways/got.ts")).gotWays,
} satisfies Partial<Record<Subject, () => Promise<(isTraced: boolean) => Promise<Ways>>>>;

const timers = job.isTraced ? watchTimers() : () => 0;
const tracing = job.isTraced ? (await import("./tracing.ts")).startTracing() : undefined;
const run = await start();

async function start(): Promise<Run> {
  const { subject, isTraced } = job;
  if (subject === "node" || subject === "express" || subject === "http2") {
    return startServerRun(job, subject, isTraced, tracing ?? UNTRACED);
  }
  return startClientRun(job, await (await WAYS[subject]())(isTraced), tracing ?? UNTRACED);
}

let reports: CallReport[] = [];
const flush = (): void => {
  send({ reports });
  reports = [];
};
/** So many points at which the heap is looked at; the first is for warming up. */
const POINTS = 12;
const heap: number[] = [];
let onShared = 0;
const calls = job.end - job.first;
for (let point = 0; point < POINTS; point++) {
  const at = (share: number): number => job.first + Math.floor((calls * share) / POINTS);
  await run.run(at(point), at(point + 1), (report) => {
    if (reports.push(report) >= 100) flush();
  });
  flush();
  if (calls < 2000) continue;
  heap.push(await heapUsed());
  onShared += renewShared();
}

const spans = await tracing?.finish();
const listening = listeners();
// fetch takes its listeners off when its requests are collected.
if (calls < 2000) await heapUsed();
onShared += renewShared();
await run.close();
const left = await remainingResources(3000);
// One that looks at unread responses from time to time goes when it finds none.
for (let i = 0; i < 80 && timers() > 0; i++) await sleep(50);
const settledHeap = heap.slice(2);
const report: RunReport = {
  seconds: (performance.now() - begun) / 1000,
  heap,
  heapSlope: heap.length === 0 ? undefined : slopeOf(settledHeap, calls / POINTS),
  leftovers: { ...listening, onShared, handles: left },
  uncaught: [...uncaught],
  spans: spans === undefined ? undefined : ({ ...spans, kept: { ...spans.kept, timers: timers() } } satisfies SpanReport),
};
send({ done: report });
process.disconnect?.();
// A handle that is left is told of, and must not keep the process.
setTimeout(() => process.exit(0), 500).unref();

function send(message: Message): void {
  if (process.send !== undefined) process.send(message);
  else console.log(JSON.stringify(message, null, 1));
}
