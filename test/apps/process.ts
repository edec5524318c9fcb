import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";

/** How a command is run. */
export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is killed. Default: two minutes. */
  readonly timeout?: number;
}

/** What came of a command. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server in a process of its own. */
export interface Running {
  readonly url: string;
  /** What it has printed so far, on both outputs. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

/** Runs a command to its end. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  const child = start(command, args, options);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const timer = setTimeout(() => kill(child), options.timeout ?? 120_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  clearTimeout(timer);
  return { code, stdout, stderr };
}

/** Runs a command that must succeed. */
export async function runWell(command: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  const ran = await run(command, args, options);
  if (ran.code !== 0) throw new Error(`${[command, ...args].join(" ")} ended with ${ran.code}:\n${ran.stdout}${ran.stderr}`);
  return ran;
}

/** Starts a server, which writes its address to its standard output. */
export async function startServer(command: string, args: readonly string[], options: RunOptions): Promise<Running> {
  const child = start(command, args, options);
  let output = "";
  const exited = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (what: string): void => {
      kill(child);
      reject(new Error(`${command} ${args.join(" ")} ${what}:\n${output}`));
    };
    const timer = setTimeout(() => fail("has not written an address"), options.timeout ?? 30_000);
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      const match = /http:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(output);
      if (match === null) return;
      clearTimeout(timer);
      resolve(match[0].replace("localhost", "127.0.0.1"));
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error) => fail(error.message));
    child.on("close", (code) => {
      clearTimeout(timer);
      fail(`has ended with ${code}`);
    });
  });
  return {
    url,
    output: () => output,
    stop: async () => {
      kill(child);
      await exited;
    },
  };
}

function start(command: string, args: readonly string[], { cwd, env }: RunOptions): ChildProcessByStdio<null, Readable, Readable> {
  // A group of its own: what it starts ends with it.
  return spawn(command, args, { cwd, env: { ...environment(), ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true });
}

function kill({ pid }: { pid?: number | undefined }): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** This process's environment, without what npm and a tracing of its own have put there. */
function environment(): NodeJS.ProcessEnv {
  const own = /^(?:npm_|OTEL_|NODE_OPTIONS$|FORCE_COLOR$|CI$)/i;
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name))), NO_COLOR: "1" };
}
