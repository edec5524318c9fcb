/**
 * `npm run test:flaky`: runs the tests of `npm test` 20 times in random order while all cores are kept busy, and prints each test that failed, how often, and the
 * seed that repeats its order. Prints nothing if all tests passed each time.
 *
 * `-- --runs 5` changes the number of runs; other arguments are passed on to Vitest (`-- test/fetch`, `-- --project unit`).
 */
import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SUITES } from "../test/support/suites.ts";

interface Report {
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

interface Failure {
  readonly seeds: number[];
  readonly message: string;
}

const root = fileURLToPath(new URL("..", import.meta.url));

if (process.argv[2] === "--busy") keepBusy();
else await main();

/** Uses one core until the process is killed or loses its parent. */
function keepBusy(): void {
  const turn = (): void => {
    const end = performance.now() + 50;
    while (performance.now() < end);
    setImmediate(turn);
  };
  process.on("disconnect", () => process.exit());
  turn();
}

async function main(): Promise<void> {
  const { values, tokens } = parseArgs({ options: { runs: { type: "string", default: "20" } }, strict: false, tokens: true });
  const own = tokens.find((token) => token.kind === "option" && token.name === "runs");
  const passedOn = process.argv
    .slice(2)
    .filter((_, index) => own === undefined || (index !== own.index && index !== own.index + 1));
  const folder = mkdtempSync(join(tmpdir(), "flaky-"));
  const busy = Array.from({ length: availableParallelism() }, () => fork(fileURLToPath(import.meta.url), ["--busy"]));
  const failures = new Map<string, Failure>();
  try {
    for (let run = 0; run < Number(values["runs"]); run++) {
      const seed = Date.now();
      // oxlint-disable-next-line no-await-in-loop -- one run after another
      for (const [test, message] of await failuresOfRun(folder, seed, passedOn)) {
        const failure = failures.get(test) ?? { seeds: [], message };
        failure.seeds.push(seed);
        failures.set(test, failure);
      }
    }
  } finally {
    for (const child of busy) child.kill();
    rmSync(folder, { recursive: true });
  }
  for (const [test, { seeds, message }] of failures) {
    console.log(`${test}\n  failed in ${seeds.length} of ${values["runs"]} runs (--sequence.seed ${seeds.join(", ")}): ${message}`);
  }
  process.exitCode = failures.size > 0 ? 1 : 0;
}

async function failuresOfRun(folder: string, seed: number, passedOn: readonly string[]): Promise<[string, string][]> {
  const file = join(folder, `${seed}.json`);
  const projects = passedOn.includes("--project")
    ? []
    : SUITES.filter(({ isLong }) => !isLong).flatMap(({ name }) => ["--project", name]);
  const order = ["--sequence.shuffle.files", "--sequence.shuffle.tests", `--sequence.seed=${seed}`];
  const output = ["--reporter=json", `--outputFile=${file}`];
  const vitest = spawn("vitest", ["run", ...projects, ...order, ...output, ...passedOn], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { code, text } = await outputOf(vitest);
  let report: Report;
  try {
    report = JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch {
    return [["Vitest", text]];
  }
  const found = report.testResults.flatMap((module): [string, string][] => {
    const name = module.name.replace(root, "");
    const failed = module.assertionResults.filter(({ status }) => status === "failed");
    if (failed.length === 0 && module.status === "failed") return [[name, module.message]];
    return failed.map(({ fullName, failureMessages }) => [`${name} > ${fullName}`, failureMessages[0]?.split("\n")[0] ?? ""]);
  });
  return found.length === 0 && code !== 0 ? [["Vitest", text]] : found;
}

async function outputOf(child: ChildProcess): Promise<{ code: number | null; text: string }> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, text };
}
