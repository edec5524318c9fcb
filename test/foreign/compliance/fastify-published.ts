import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Result } from "./suite.ts";

const load = createRequire(import.meta.url);
const folder = dirname(load.resolve("fastify"));
const PRELOAD = fileURLToPath(new URL("fastify-preload.mjs", import.meta.url));

/** Runs the tests that fastify publishes, as far as the packages that they need are installed. */
export async function runFastifySuite(): Promise<Result[]> {
  const files = readdirSync(join(folder, "test"))
    .filter((name) => name.endsWith(".test.js"))
    .filter((name) => requirements(join(folder, "test", name)).every(isInstalled))
    .map((name) => join("test", name));
  const source = `its published tests (${files.length} files whose dependencies are installed)`;
  const without = { suite: "fastify's own suite", variant: "without", source, outcomes: await run(files, []) };
  const traced = { ...without, variant: "`traceRequests` in each app", outcomes: await run(files, ["--import", PRELOAD]) };
  return [without, traced];
}

function requirements(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(/require\('(?<name>[a-z@][^']*)'\)/g)].map(
    (match) => match.groups?.["name"] ?? "",
  );
}

function isInstalled(name: string): boolean {
  try {
    createRequire(join(folder, "test", "x.js")).resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** The results of Node's test runner, by file and top-level test. */
async function run(files: readonly string[], options: readonly string[]): Promise<Map<string, string | undefined>> {
  const args = [
    "--test",
    "--test-reporter=tap",
    `--test-concurrency=${availableParallelism()}`,
    "--test-timeout=60000",
    ...options,
    ...files,
  ];
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => child.once("close", resolve));
  const outcomes = new Map<string, string | undefined>();
  for (const { groups } of text.matchAll(/^(?<not>not )?ok \d+ - (?<name>.*)$/gm)) {
    const name = String(groups?.["name"]).replace(/ # .*/, "");
    const key = outcomes.has(name) ? `${name} (again)` : name;
    outcomes.set(key, groups?.["not"] === undefined ? undefined : "fails");
  }
  return outcomes;
}
