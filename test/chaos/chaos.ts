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

/** More bytes a call than this, beyond what the run without us shows, is no flat heap. */
const SLOPE = 100;

/** Makes the same calls in two processes, one with this library and one without, and compares what became of them. */
export async function runChaos({ subject, calls, first = 0, isTraced = true, ...choice }: Asked): Promise<Verdict> {
  const scenarios = new Map<string, number>();
  const differences: string[] = [];
  const waiting = new Map<number, CallReport>();
  const compare = (report: CallReport, own: string, others: string): void => {
    const other = waiting.get(report.index);
    if (other === undefined) {
      waiting.set(report.index, report);
      return;
    }
    waiting.delete(report.index);
    scenarios.set(report.scenario, (scenarios.get(report.scenario) ?? 0) + 1);
    if (other.outcome !== report.outcome) {
      differences.push(`call ${report.index} (${report.plan}):\n  ${own}: ${report.outcome}\n  ${others}: ${other.outcome}`);
    }
  };
  const job = { ...choice, subject, first, end: first + calls };
  const [traced, plain] = await Promise.all([
    runProcess({ ...job, isTraced }, (report) => compare(report, "with us", "without")),
    runProcess({ ...job, isTraced: false }, (report) => compare(report, "without", "with us")),
  ]);
  const defects = [...shortened(differences), ...missing(waiting), ...defectsOf(traced, plain)];
  return { subject, calls, seconds: Math.max(traced.seconds, plain.seconds), scenarios, traced, plain, defects };
}

function shortened(differences: readonly string[]): string[] {
  const rest = differences.length - 20;
  return rest > 0 ? [...differences.slice(0, 20), `${rest} more outcomes that differ`] : [...differences];
}

function missing(waiting: ReadonlyMap<number, CallReport>): string[] {
  return waiting.size === 0
    ? []
    : [`${waiting.size} calls are told of by one process alone: ${[...waiting.keys()].slice(0, 10).join()}`];
}

/** What is wrong with a run as a whole, beside the same without us. */
function defectsOf({ spans, leftovers, uncaught, heapSlope }: RunReport, plain: RunReport): string[] {
  const defects: string[] = [];
  const same = (what: string, own: unknown, others: unknown): void => {
    if (JSON.stringify(own) !== JSON.stringify(others))
      defects.push(`${what}: ${JSON.stringify(own)}, without us ${JSON.stringify(others)}`);
  };
  same("handles that are left", leftovers.handles, plain.leftovers.handles);
  same("listeners on the shared signal", leftovers.onShared, plain.leftovers.onShared);
  same("listeners on the process", leftovers.onProcess, plain.leftovers.onProcess);
  const known = new Set(plain.leftovers.onSockets);
  const added = leftovers.onSockets.filter((listeners) => !known.has(listeners));
  if (added.length > 0) defects.push(`listeners on sockets: ${added.join(" / ")}; without us ${[...known].join(" / ")}`);
  same("uncaught", sorted(uncaught), sorted(plain.uncaught));
  if (heapSlope !== undefined && plain.heapSlope !== undefined && heapSlope - plain.heapSlope > SLOPE) {
    defects.push(`the heap grows by ${heapSlope.toFixed()} bytes a call, without us by ${plain.heapSlope.toFixed()}`);
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
