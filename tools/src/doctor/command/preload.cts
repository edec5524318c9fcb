/**
 * `a2a-otel-cli doctor` loads this file with `--require` before an application. It waits until the application has started, examines it, and sends
 * the report to the command. It imports no module of Node or of the application at the start, because the application's instrumentations must patch modules before they are used.
 */
import type { AppExamination, AppReport } from "../examine-app.ts";
import type * as ObserveApp from "../observe-app.ts";
import type { Message, Order } from "./messages.ts";

// Equal to those in messages.ts, which is not loaded here.
const VARIABLE = "A2A_OTEL_DOCTOR";
const DESCRIPTOR = 3;

// An application has started when its event loop has been mostly idle for a while.
const BUSY_UTILIZATION = 0.5;
const IDLE_MS = 200;
/** The additional time that an application with a busy event loop has to start. */
const GRACE_MS = 10_000;
const INTERVAL_MS = 50;

const givenOrder = process.env[VARIABLE];
delete process.env[VARIABLE];
// A worker thread inherits the option and the environment, but is not to be examined.
if (givenOrder !== undefined && process.getBuiltinModule("node:worker_threads").isMainThread) {
  examineWhenStarted(JSON.parse(givenOrder) as Order);
}

function examineWhenStarted(order: Order): void {
  const endObservation = startObservation(order.entry);
  let isExamining = false;
  let hasAnswered = false;
  const examine = (idle: boolean): void => {
    if (isExamining) return;
    isExamining = true;
    // The timer keeps the process alive during the examination, even if the application ends.
    const keepAlive = setInterval(() => {}, 1000);
    void createMessage(order, idle, endObservation?.())
      .then(answer)
      .finally(() => clearInterval(keepAlive));
  };
  const answer = (message: Message): void => {
    hasAnswered = true;
    send(message);
  };
  onceStarted(order.wait, () => examine(false));
  process.on("beforeExit", () => examine(true));
  process.on("uncaughtExceptionMonitor", (error: unknown) => {
    if (!hasAnswered) send({ type: "thrown", error: describeError(error), after: performance.now() });
  });
  process.on("exit", (code) => {
    if (!hasAnswered) send({ type: "exit", code, after: performance.now() });
  });
}

/** Node before 22.12 cannot load an ES module this way. The application is not observed then, but examined. */
function startObservation(entry: string): (() => ObserveApp.Observations) | undefined {
  try {
    const { observeApp } = require("../observe-app.js") as typeof ObserveApp;
    return observeApp(entry);
  } catch {
    return undefined;
  }
}

/** Calls back when the time has passed and the event loop is idle. */
function onceStarted(wait: number, callback: () => void): void {
  const { performance } = process.getBuiltinModule("node:perf_hooks");
  const start = performance.now();
  let previous = performance.eventLoopUtilization();
  let idleSince = start;
  const timer = setInterval(
    () => {
      const current = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(current, previous);
      previous = current;
      const now = performance.now();
      if (utilization > BUSY_UTILIZATION) idleSince = now;
      const waited = now - start;
      if (waited < wait || (now - idleSince < Math.min(IDLE_MS, wait) && waited < wait + GRACE_MS)) return;
      clearInterval(timer);
      callback();
    },
    Math.max(1, Math.min(INTERVAL_MS, wait)),
  );
  timer.unref();
}

async function createMessage(
  { entry, examiner, roundTrip, timeout, flush }: Order,
  idle: boolean,
  observations: ObserveApp.Observations | undefined,
): Promise<Message> {
  const after = performance.now();
  try {
    const { examineApp } = (await import(examiner)) as { examineApp: (examination: AppExamination) => Promise<AppReport> };
    const { report, isOwnCopy } = await examineApp({ entry, roundTrip, timeout, flush, observations, hasApplication: true });
    return { type: "report", report, after, idle, isOwnCopy };
  } catch (error) {
    return { type: "failed", error: describeError(error) };
  }
}

function send(message: Message): void {
  const { writeSync } = process.getBuiltinModule("node:fs");
  let rest = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let attempts = 0; rest.length > 0 && attempts < 10_000; attempts++) {
    try {
      rest = rest.subarray(writeSync(DESCRIPTOR, rest));
    } catch (error) {
      // EAGAIN: the pipe is full for the moment. Other errors mean that the command has ended.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
    }
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)).split("\n").slice(0, 4).join("\n") : String(error);
}
