import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { DoctorArguments } from "./arguments.ts";
import { DESCRIPTOR, VARIABLE } from "./messages.ts";
import type { Message, Order } from "./messages.ts";

/** How the process of an examined application ended. */
export interface Outcome {
  /** The messages of the process, oldest first. */
  readonly messages: readonly Message[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether the process was killed because it sent no report within the time limit. */
  readonly timedOut: boolean;
}

/** The time that an examined application has to shut down before it is killed. */
const SHUTDOWN_TIMEOUT_MS = 2000;

/** Runs an application in a process of its own until it has been examined or has ended. The process never outlives this one. */
export async function runApp(entry: string, options: DoctorArguments): Promise<Outcome> {
  const child = startApp(entry, options);
  const messages: Message[] = [];
  let timedOut = false;
  const timers: NodeJS.Timeout[] = [];
  const kill = (): void => void child.kill("SIGKILL");
  const shutDown = (): void => {
    child.kill("SIGTERM");
    timers.push(setTimeout(kill, SHUTDOWN_TIMEOUT_MS));
  };
  const onSignal = (): void => {
    kill();
    process.exit(130);
  };
  const onTimeout = (): void => {
    timedOut = true;
    kill();
  };
  timers.push(setTimeout(onTimeout, options.timeout));
  process.once("exit", kill);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, onSignal);

  readMessages(child, (message) => {
    messages.push(message);
    if (message.type === "report" || message.type === "failed") shutDown();
  });
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...result) => resolve(result));
    });
    return { messages, code, signal, timedOut };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    process.off("exit", kill);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
  }
}

function startApp(entry: string, options: DoctorArguments): ChildProcess {
  const { wait, timeout, roundTrip, flush, nodeOptions, appArguments } = options;
  const order: Order = {
    entry,
    wait,
    timeout: Math.max(1, Math.min(5000, timeout)),
    roundTrip,
    flush,
    examiner: new URL("../examine-app.js", import.meta.url).href,
  };
  // With the inspector's options of this process, the application's process would try to listen on the same port.
  const inherited = process.execArgv.filter((option) => !option.startsWith("--inspect"));
  const preload = fileURLToPath(new URL("preload.cjs", import.meta.url));
  return spawn(process.execPath, ["--require", preload, ...inherited, ...nodeOptions, entry, ...appArguments], {
    // The standard output is for the report alone, so the application's output goes to the standard error.
    stdio: ["inherit", 2, 2, "pipe"],
    env: { ...process.env, [VARIABLE]: JSON.stringify(order) },
  });
}

function readMessages(child: ChildProcess, onMessage: (message: Message) => void): void {
  let text = "";
  const pipe = child.stdio[DESCRIPTOR] as Readable;
  pipe.setEncoding("utf8");
  pipe.on("error", () => {});
  pipe.on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      onMessage(JSON.parse(text.slice(0, end)) as Message);
      text = text.slice(end + 1);
    }
  });
}
