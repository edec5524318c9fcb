import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CallReport, Job, Message, RunReport, Subject } from "./job.ts";
import type { Choice } from "./plan.ts";

/** A client's calls with this library and without it, and their differences. */
export interface Verdict {
  readonly subject: Subject;
  readonly calls: number;
  readonly seconds: number;
  /** How many calls each scenario had. */
  readonly scenarios: ReadonlyMap<string, number>;
  readonly traced: RunReport;
  readonly plain: RunReport;
  /** Descriptions of all defects. */
  readonly defects: readonly string[];
}

export interface Asked extends Choice {
  readonly subject: Subject;
  readonly calls: number;
  /** The number of the first call; default: 0. */
  readonly first?: number;
  /** False runs both sides without the library, which shows whether the harness itself is steady. */
  readonly isTraced?: boolean;
}

/**
 * Allowed heap growth in bytes per call, beyond twice the growth without the library: objects that a client never releases (HTTP/2 streams with
 * forgotten listeners) keep the context in which they were created, and so the call's span.
 */
const SLOPE = 100;

/** Makes the same calls in two processes, one with this library and one without, and compares their outcomes. */
export async function runChaos({ subject, calls, first = 0, isTraced = true, ...choice }: Asked): Promise<Verdict> {
  const scenarios = new Map<string, number>();
  const differences: Difference[] = [];
  const waiting = new Map<number, CallReport>();
  const compare = (report: CallReport, isTracedRun: boolean): void => {
    const other = waiting.get(report.index);
    if (other === undefined) {
      waiting.set(report.index, report);
      return;
    }
    waiting.delete(report.index);
    scenarios.set(report.scenario, (scenarios.get(report.scenario) ?? 0) + 1);
    if (other.outcome === report.outcome) return;
    const [own, others] = isTracedRun ? [report, other] : [other, report];
    differences.push({ index: own.index, plan: own.plan, own: own.outcome, others: others.outcome });
  };
  const job = { ...choice, subject, first, end: first + calls };
  const [traced, plain] = await Promise.all([
    runProcess({ ...job, isTraced }, (report) => compare(report, true)),
    runProcess({ ...job, isTraced: false }, (report) => compare(report, false)),
  ]);
  const ofLibrary: Difference[] = [];
  for (const difference of differences) {
    if (ofLibrary.length > SHOWN || !(await isRace(job, difference))) ofLibrary.push(difference);
  }
  const defects = [...shortened(ofLibrary), ...missing(waiting), ...defectsOf(traced, plain)];
  return { subject, calls, seconds: Math.max(traced.seconds, plain.seconds), scenarios, traced, plain, defects };
}

/** A call with different outcomes in the two processes. */
interface Difference {
  readonly index: number;
  readonly plan: string;
  readonly own: string;
  readonly others: string;
}

/** How often a call is repeated without the library. */
const REPEATS = 10;

/** Whether the outcome also occurs without the library if the call is repeated: a client may lose a race once in thousands of calls. */
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
    .map(({ index, plan, own, others }) => `call ${index} (${plan}):\n  with the library: ${own}\n  without:          ${others}`);
  const rest = differences.length - shown.length;
  return rest > 0 ? [...shown, `${rest} more outcomes that differ`] : shown;
}

function missing(waiting: ReadonlyMap<number, CallReport>): string[] {
  return waiting.size === 0
    ? []
    : [`${waiting.size} calls were reported by one process only: ${[...waiting.keys()].slice(0, 10).join()}`];
}

/** Defects of a run as a whole, compared with the run without the library. */
function defectsOf({ spans, leftovers, uncaught, heap, heapSlope }: RunReport, plain: RunReport): string[] {
  const defects: string[] = [];
  const same = (what: string, own: unknown, others: unknown): void => {
    if (JSON.stringify(own) !== JSON.stringify(others))
      defects.push(`${what}: ${JSON.stringify(own)}, without the library ${JSON.stringify(others)}`);
  };
  same("remaining handles", leftovers.handles, plain.leftovers.handles);
  // Some clients forget listeners themselves, not always the same number.
  if (leftovers.onShared > plain.leftovers.onShared * 1.05 + 2)
    defects.push(`listeners on shared signals: ${leftovers.onShared}, without the library ${plain.leftovers.onShared}`);
  same("listeners on the process", leftovers.onProcess, plain.leftovers.onProcess);
  const known = new Set(plain.leftovers.onSockets);
  const added = leftovers.onSockets.filter((listeners) => !known.has(listeners));
  if (added.length > 0) defects.push(`listeners on sockets: ${added.join(" / ")}; without the library ${[...known].join(" / ")}`);
  same("uncaught", sorted(uncaught), sorted(plain.uncaught));
  // A heap that shrinks without the library counts as flat.
  if (heapSlope !== undefined && plain.heapSlope !== undefined && heapSlope - 2 * Math.max(0, plain.heapSlope) > SLOPE) {
    const seen = `${megabytes(heap)}; without the library ${megabytes(plain.heap)}`;
    defects.push(`the heap grows by ${heapSlope.toFixed()} bytes a call, without us by ${plain.heapSlope.toFixed()}: ${seen}`);
  }
  if (spans === undefined) return defects;
  const { started, ended, durations, violations, open, diagnostics, kept } = spans;
  if (started !== ended) defects.push(`${started} spans started, ${ended} ended; open: calls ${open.join()}`);
  if (durations !== started) defects.push(`${started} spans, ${durations} durations`);
  defects.push(...violations.map(([violation, times, index]) => `${violation} (${times} times, call ${index})`));
  defects.push(...diagnostics.map(([text, times]) => `diag (${times} times): ${text}`));
  same("remaining calls and timers of the library", kept, { calls: 0, timers: 0 });
  return defects;
}

const megabytes = (heap: readonly number[]): string => `${heap.map((bytes) => (bytes / 1e6).toFixed(1)).join(" ")} MB`;

const sorted = (uncaught: RunReport["uncaught"]): string[] => uncaught.map(([text, times]) => `${text}, ${times} times`).toSorted();

const PROCESS = fileURLToPath(new URL("process.ts", import.meta.url));

function runProcess(job: Job, onReport: (report: CallReport) => void): Promise<RunReport> {
  return new Promise((resolve, reject) => {
    const child = fork(PROCESS, [JSON.stringify(job)], { execArgv: ["--expose-gc"], serialization: "advanced" });
    let done: RunReport | undefined;
    child.on("message", (message: Message) => {
      if ("done" in message) done = message.done;
      else for (const report of message.reports) onReport(report);
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (done !== undefined) resolve(done);
      else reject(new Error(`the run of ${job.subject} (${job.isTraced ? "traced" : "plain"}) broke off with ${code}`));
    });
  });
}
