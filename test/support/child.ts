import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface ChildOptions {
  /** Modules to `--import`, from the project's root. */
  imports?: string[];
  env?: Record<string, string>;
}

export interface Child {
  /** The first line of its standard output. */
  readonly line: Promise<string>;
  /** Its output so far, standard output and standard error. */
  readonly output: () => string;
  /** Its standard error so far. */
  readonly errors: () => string;
  /** How it ended, after its outputs were closed. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly send: (signal: NodeJS.Signals) => void;
  readonly stop: () => Promise<void>;
}

/** Runs a module in a child process. Its imports are relative to the project's root. */
export function startChild(code: string, { imports = [], env = {} }: ChildOptions = {}): Child {
  const args = [...imports.flatMap((name) => ["--import", name]), "--input-type=module-typescript", "--eval", code];
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, OTEL_PROPAGATORS: "", ...env } });
  let output = "";
  let errors = "";
  const ended: Child["ended"] = new Promise((resolve) =>
    child.on("close", (exitCode, signal) => resolve({ code: exitCode, signal })),
  );
  const exited = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  const line = new Promise<string>((resolve, reject) => {
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      errors += chunk.toString();
    });
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      text += chunk.toString();
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.on("exit", () => reject(new Error(`the child process ended: ${output}`)));
  });
  line.catch(() => {});
  return {
    line,
    output: () => output,
    errors: () => errors,
    ended,
    send: (signal) => void child.kill(signal),
    stop: async () => {
      child.kill();
      await exited;
    },
  };
}
