import { execFile, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { usedElsewhere } from "./uses.mjs";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Starts an agent that is instrumented by `--import a2a-otel/register` alone; `stop` ends it, and returns what it has complained of. */
export async function startForwarder(url) {
  usedElsewhere("./register");
  const child = spawn(process.execPath, ["--import", "a2a-otel/register", file("forwarder.mjs"), url], { cwd: file("./") });
  let complaints = "";
  child.stderr.on("data", (chunk) => (complaints += chunk));
  const exited = new Promise((resolve) => child.on("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    child.stdout.once("data", (chunk) => resolve(String(chunk).trim()));
    child.once("exit", () => reject(new Error(`the forwarder has ended: ${complaints}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.stdin.end();
      const code = await exited;
      return code === 0 ? complaints : `exit ${code}: ${complaints}`;
    },
  };
}

/** What the command `a2a-otel-cli` prints. */
export async function cli(...args) {
  const manifest = createRequire(import.meta.url).resolve("a2a-otel-cli/package.json");
  const { stdout } = await promisify(execFile)(process.execPath, [join(dirname(manifest), "dist/cli.js"), ...args]);
  return stdout.trim();
}
