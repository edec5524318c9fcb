/**
 * Runs first in the process of an app that `a2a-otel-cli doctor` looks at, by `--require`, and waits until the app has started up. It imports nothing: an
 * app's instrumentations are to find the modules that they patch as untouched as ever.
 */
import type { AppExamination, AppReport } from "../examine-app.ts";
import type { Message, Order } from "./messages.ts";

// As in messages.ts, which is not loaded here.
const VARIABLE = "A2A_OTEL_DOCTOR";
const DESCRIPTOR = 3;

// The app is still starting while its event loop is busy, until it has rested for a while; but it has this much longer and no more.
const BUSY = 0.5;
const REST = 200;
const GRACE = 10_000;
const INTERVAL = 50;

const given = process.env[VARIABLE];
delete process.env[VARIABLE];
// A worker inherits the option, and a copy of the environment.
if (given !== undefined && process.getBuiltinModule("node:worker_threads").isMainThread) attend(JSON.parse(given) as Order);

function attend(order: Order): void {
  let looking = false;
  let done = false;
  const look = (idle: boolean): void => {
    if (looking) return;
    looking = true;
    // The timer keeps the process alive while it is looked at, whatever becomes of the app.
    const alive = setInterval(() => {}, 1000);
    void report(order, idle)
      .then(answer)
      .finally(() => clearInterval(alive));
  };
  const answer = (message: Message): void => {
    done = true;
    send(message);
  };
  whenStarted(order.wait, () => look(false));
  process.on("beforeExit", () => look(true));
  process.on("uncaughtExceptionMonitor", (error: unknown) => {
    if (!done) send({ type: "thrown", error: textOf(error), after: performance.now() });
  });
  process.on("exit", (code) => {
    if (!done) send({ type: "exit", code, after: performance.now() });
  });
}

/** Calls back when the time is over and the event loop has come to rest. */
function whenStarted(wait: number, then: () => void): void {
  const { performance } = process.getBuiltinModule("node:perf_hooks");
  const began = performance.now();
  let before = performance.eventLoopUtilization();
  let restingSince = began;
  const timer = setInterval(
    () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      const time = performance.now();
      if (utilization > BUSY) restingSince = time;
      const waited = time - began;
      if (waited < wait || (time - restingSince < Math.min(REST, wait) && waited < wait + GRACE)) return;
      clearInterval(timer);
      then();
    },
    Math.max(1, Math.min(INTERVAL, wait)),
  );
  timer.unref();
}

async function report({ entry, examiner, roundTrip, timeout, flush }: Order, idle: boolean): Promise<Message> {
  const after = performance.now();
  try {
    const { examineApp } = (await import(examiner)) as { examineApp: (examination: AppExamination) => Promise<AppReport> };
    const { report: result, isOwnCopy } = await examineApp({ entry, roundTrip, timeout, flush, hasApplication: true });
    return { type: "report", report: result, after, idle, ownCopy: isOwnCopy };
  } catch (error) {
    return { type: "failed", error: textOf(error) };
  }
}

function send(message: Message): void {
  const { writeSync } = process.getBuiltinModule("node:fs");
  let rest = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let tries = 0; rest.length > 0 && tries < 10_000; tries++) {
    try {
      rest = rest.subarray(writeSync(DESCRIPTOR, rest));
    } catch (error) {
      // A pipe that is full for the moment; of one that is closed nobody is left to be told.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)).split("\n").slice(0, 4).join("\n") : String(error);
}
