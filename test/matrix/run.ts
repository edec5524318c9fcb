import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../../", import.meta.url));

/** The result of a cell. */
export interface Verdict {
  readonly passed: boolean;
  /** The output, or the end of a long one. */
  readonly output: string;
}

/** Runs the smoke test in a cell: every export of the package in one trace. */
export function runSmoke(program: string, cell: string): Promise<Verdict> {
  return run(program, ["main.mjs"], cell, {}, 60_000);
}

/** Runs tests of the project (default: the contract table) against what is installed in a cell. */
export function runTests(program: string, cell: string, tests: readonly string[]): Promise<Verdict> {
  const env = { A2A_OTEL_CELL: cell, ...(tests.length > 0 && { A2A_OTEL_TESTS: tests.join(",") }) };
  const args = [`${project}node_modules/vitest/vitest.mjs`, "run", "--config", "test/matrix/vitest.config.ts"];
  return run(program, args, project, env, 300_000);
}

const LONGEST_OUTPUT = 6000;

function run(program: string, args: string[], cwd: string, env: Record<string, string>, timeout: number): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...neutralEnvironment(), ...env }, timeout, killSignal: "SIGKILL" });
    let output = "";
    const hear = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const end = signal === null ? "" : `\nstopped by ${signal} after ${timeout / 1000} s`;
      resolve({ passed: code === 0, output: output.slice(-LONGEST_OUTPUT) + end });
    });
  });
}

/** The environment without variables that change the behaviour of Node, npm or OpenTelemetry. */
function neutralEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(?:OTEL_|NODE_|npm_|VITEST)/i.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}
