import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CallReport, Job, Message, RunReport, Subject } from "./job.ts";
import type { Choice } from "./plan.ts";

/** A client's calls with this library and without it, and all in which they differ. */
export interface Verdict {
  readonly subject: Subject;
  readonly calls: number;
  readonly seconds: number;
  /** How many calls each scenario had. */
  readonly scenarios: ReadonlyMap<string, number>;
  readonly traced: RunReport;
  readonly plain: RunReport;
  /** What is wrong, in words; none is what is wanted. */
  readonly defects: readonly string[];
}

export interface Asked extends Choice {
  readonly subject: Subject;
  readonly calls: number;
  /** The number of the first call; default: 0. */
  readonly first?: number;
  /** Whether the run that is to be traced is: false shows whether the harness itself is steady. */
  readonly isTraced?: boolean;
}

/**
 * More bytes a call than this is no flat heap, beyond twice what the run without us shows: what a client never lets go of (streams of HTTP/2 at which it
 * forgets listeners) holds the context that it was made in, and so the call's span.
 */
const SLOPE = 100;

/** Makes the same calls in two processes, one with this library and one without, and compares what became of them. */
export async function runChaos({ subject, calls, first = 0, isTraced = true, ...choice }: Asked): Promise<Verdict> {
  const scenarios = new Map<string, number>();
  const differences: Difference[] = [];
  const waiting = new Map<number, CallReport>();
  const compare = (report: CallReport, isOwn: boolean): void => {
    const other = waiting.get(report.index);
    if (other === undefined) {
      waiting.set(report.index, report);
      return;
    }
    waiting.delete(report.index);
    scenarios.set(report.scenario, (scenarios.get(report.scenario) ?? 0) + 1);
    if (other.outcome === report.outcome) return;
    const [own, others] = isOwn ? [report, other] : [other, report];
    differences.push({ index: own.index, plan: own.plan, own: own.outcome, others: others.outcome });
  };
  const job = { ...choice, subject, first, end: first + calls };
  const [traced, plain] = await Promise.all([
    runProcess({ ...job, isTraced }, (report) => compare(report, true)),
    runProcess({ ...job, isTraced: false }, (report) => compare(report, false)),
  ]);
  const ofOurs: Difference[] = [];
  for (const difference of differences) {
    if (ofOurs.length > SHOWN || !(await isRace(job, difference))) ofOurs.push(difference);
  }
  const defects = [...shortened(ofOurs), ...missing(waiting), ...defectsOf(traced, plain)];
  return { subject, calls, seconds: Math.max(traced.seconds, plain.seconds), scenarios, traced, plain, defects };
}

/** A call of which the two processes tell something else. */
interface Difference {
  readonly index: number;
  readonly plan: string;
  readonly own: string;
  readonly others: string;
}

/** How often a call is made again without us. */
const REPEATS = 10;

/** Whether what became of a call with us becomes of it without us too, now and then: a client that loses one race in thousands loses it there as well. */
async function isRace(job: Omit<Job, "isTraced">, { index, own }: Difference): Promise<boolean> {
  const seen = new Set<string>();
  for (let i = 0; i < REPEATS && !seen.has(own); i++) {
    await runProcess({ ...job, isTraced: false, first: index, end: index + 1 }, ({ outcome }) => void seen.add(outcome));
  }
  return seen.has(own);
}

const SHOWN = 20;

function shortened(differences: readonly Difference[]): string[] {
  const shown = differences
    .slice(0, SHOWN)
    .map(({ index, plan, own, others }) => `call ${index} (${plan}):\n  with us: ${own}\n  without: ${others}`);
  const rest = differences.length - shown.length;
  return rest > 0 ? [...shown, `${rest} more outcomes that differ`] : shown;
}

function missing(waiting: ReadonlyMap<number, CallReport>): string[] {
  return waiting.size === 0
    ? []
    : [`${waiting.size} calls are told of by one process alone: ${[...waiting.keys()].slice(0, 10).join()}`];
}

/** What is wrong with a run as a whole, beside the same without us. */
function defectsOf({ spans, leftovers, uncaught, heap, heapSlope }: RunReport, plain: RunReport): string[] {
  const defects: string[] = [];
  const same = (what: string, own: unknown, others: unknown): void => {
    if (JSON.stringify(own) !== JSON.stringify(others))
      defects.push(`${what}: ${JSON.stringify(own)}, without us ${JSON.stringify(others)}`);
  };
  same("handles that are left", leftovers.handles, plain.leftovers.handles);
  // Some clients forget some by themselves; not always as many.
  if (leftovers.onShared > plain.leftovers.onShared * 1.05 + 2)
    defects.push(`listeners on shared signals: ${leftovers.onShared}, without us ${plain.leftovers.onShared}`);
  same("listeners on the process", leftovers.onProcess, plain.leftovers.onProcess);
  const known = new Set(plain.leftovers.onSockets);
  const added = leftovers.onSockets.filter((listeners) => !known.has(listeners));
  if (added.length > 0) defects.push(`listeners on sockets: ${added.join(" / ")}; without us ${[...known].join(" / ")}`);
  same("uncaught", sorted(uncaught), sorted(plain.uncaught));
  // A heap that has become smaller without us is flat, too.
  if (heapSlope !== undefined && plain.heapSlope !== undefined && heapSlope - 2 * Math.max(0, plain.heapSlope) > SLOPE) {
    const seen = `${megabytes(heap)}; without us ${megabytes(plain.heap)}`;
    defects.push(`the heap grows by ${heapSlope.toFixed()} bytes a call, without us by ${plain.heapSlope.toFixed()}: ${seen}`);
  }
  if (spans === undefined) return defects;
  const { started, ended, durations, flaws, open, said, kept } = spans;
  if (started !== ended) defects.push(`${started} spans started, ${ended} ended; open: calls ${open.join()}`);
  if (durations !== started) defects.push(`${started} spans, ${durations} durations`);
  defects.push(...flaws.map(([flaw, times, index]) => `${flaw} (${times} times, call ${index})`));
  defects.push(...said.map(([text, times]) => `diag (${times} times): ${text}`));
  same("calls and timers of ours that are left", kept, { calls: 0, timers: 0 });
  return defects;
}

const megabytes = (heap: readonly number[]): string => `${heap.map((bytes) => (bytes / 1e6).toFixed(1)).join(" ")} MB`;

const sorted = (uncaught: RunReport["uncaught"]): string[] => uncaught.map(([text, times]) => `${text}, ${times} times`).toSorted();

const PROCESS = fileURLToPath(new URL("process.ts", import.meta.url));

function runProcess(job: Job, told: (report: CallReport) => void): Promise<RunReport> {
  return new Promise((resolve, reject) => {
    const child = fork(PROCESS, [JSON.stringify(job)], { execArgv: ["--expose-gc"], serialization: "advanced" });
    let done: RunReport | undefined;
    child.on("message", (message: Message) => {
      if ("done" in message) done = message.done;
      else for (const report of message.reports) told(report);
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (done !== undefined) resolve(done);
      else reject(new Error(`the run of ${job.subject} (${job.isTraced ? "traced" : "plain"}) broke off with ${code}`));
    });
  });
}
