import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { DoctorArguments } from "./arguments.ts";
import { DESCRIPTOR, VARIABLE } from "./messages.ts";
import type { Message, Order } from "./messages.ts";

/** What became of an app that was looked at. */
export interface Outcome {
  /** What its process said, oldest first. */
  readonly messages: readonly Message[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it was ended because it had not said anything within the time. */
  readonly timedOut: boolean;
}

// What an app gets to shut down in by itself, once it has been looked at.
const PATIENCE = 2000;

/** Runs an app in a process of its own until it has been looked at, or has ended. It never outlives this one. */
export async function runApp(entry: string, options: DoctorArguments): Promise<Outcome> {
  const child = start(entry, options);
  const messages: Message[] = [];
  let timedOut = false;
  const timers: NodeJS.Timeout[] = [];
  const end = (): void => {
    child.kill("SIGTERM");
    timers.push(setTimeout(() => child.kill("SIGKILL"), PATIENCE));
  };
  const kill = (): void => void child.kill("SIGKILL");
  const interrupted = (): void => {
    kill();
    process.exit(130);
  };
  timers.push(
    setTimeout(() => {
      timedOut = true;
      kill();
    }, options.timeout),
  );
  process.once("exit", kill);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupted);

  readMessages(child, (message) => {
    messages.push(message);
    if (message.type === "report" || message.type === "failed") end();
  });
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...how) => resolve(how));
    });
    return { messages, code, signal, timedOut };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    process.off("exit", kill);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupted);
  }
}

function start(entry: string, { wait, timeout, roundTrip, flush, nodeOptions, appArguments }: DoctorArguments): ChildProcess {
  const order: Order = {
    entry,
    wait,
    timeout: Math.max(1, Math.min(5000, timeout)),
    roundTrip,
    flush,
    examiner: new URL("../examine-app.js", import.meta.url).href,
  };
  // A debugger of this process's would be in the way of the app's.
  const inherited = process.execArgv.filter((option) => !option.startsWith("--inspect"));
  const preload = fileURLToPath(new URL("preload.cjs", import.meta.url));
  return spawn(process.execPath, ["--require", preload, ...inherited, ...nodeOptions, entry, ...appArguments], {
    // The report alone goes to the standard output.
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
