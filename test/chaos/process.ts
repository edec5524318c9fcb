// One run of one client, in its own process. A run without this library never loads it.
import { setTimeout as sleep } from "node:timers/promises";
import { renewShared } from "./call.ts";
import { startClientRun } from "./client-run.ts";
import type { CallHooks } from "./client-run.ts";
import { heapUsed, slopeOf } from "./heap.ts";
import type { CallReport, Job, Message, Run, RunReport, SpanReport, Subject } from "./job.ts";
import { remainingResources } from "../support/active-resources.ts";
import { listeners, watchTimers } from "./leftovers.ts";
import { startServerRun } from "./server-run.ts";
import type { VisitHooks } from "./server-run.ts";
import { traceparentOf } from "./trace-ids.ts";
import type { ClientUsages } from "./clients/usage.ts";

/** The hooks of a run without tracing: the same headers, and no observation. */
const UNTRACED: CallHooks & VisitHooks = {
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

const USAGES = {
  fetch: async () => (await import("./clients/fetch.ts")).fetchUsages,
  undici: async () => (await import("./clients/undici.ts")).undiciUsages,
  axios: async () => (await import("./clients/axios.ts")).axiosUsages,
  got: async () => (await import("./clients/got.ts")).gotUsages,
} satisfies Partial<Record<Subject, () => Promise<(isTraced: boolean) => Promise<ClientUsages>>>>;

const timers = job.isTraced ? watchTimers() : () => 0;
const tracing = job.isTraced ? (await import("./tracing.ts")).startTracing() : undefined;
const run = await start();

async function start(): Promise<Run> {
  const { subject, isTraced } = job;
  if (subject === "node" || subject === "express" || subject === "http2") {
    return startServerRun(job, subject, isTraced, tracing ?? UNTRACED);
  }
  return startClientRun(job, await (await USAGES[subject]())(isTraced), tracing ?? UNTRACED);
}

let reports: CallReport[] = [];
const flush = (): void => {
  send({ reports });
  reports = [];
};
/** The number of measurements of the heap; the first is a warm-up. */
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
// fetch removes its listeners when its requests are garbage-collected.
if (calls < 2000) await heapUsed();
onShared += renewShared();
await run.close();
const handles = await remainingResources(3000);
// The timer that checks unread responses stops when there are none.
for (let i = 0; i < 80 && timers() > 0; i++) await sleep(50);
const settledHeap = heap.slice(2);
const report: RunReport = {
  seconds: (performance.now() - begun) / 1000,
  heap,
  heapSlope: heap.length === 0 ? undefined : slopeOf(settledHeap, calls / POINTS),
  leftovers: { ...listening, onShared, handles },
  uncaught: [...uncaught],
  spans: spans === undefined ? undefined : ({ ...spans, kept: { ...spans.kept, timers: timers() } } satisfies SpanReport),
};
send({ done: report });
process.disconnect?.();
// A remaining handle was reported and must not keep the process alive.
setTimeout(() => process.exit(0), 500).unref();

function send(message: Message): void {
  if (process.send !== undefined) process.send(message);
  else console.log(JSON.stringify(message, null, 1));
}
