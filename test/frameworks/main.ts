// `npm run test:frameworks`, or with names for some of them: agents on real frameworks call each other over HTTP, against stubs of the model APIs.
// `--trees` prints the spans of each operation.
import { parseArgs } from "node:util";
import { checksOf } from "../apps/checks.ts";
import type { Outcome } from "../apps/checks.ts";
import { FRAMEWORKS } from "./frameworks.ts";
import { openStages } from "./stage.ts";
import { startModelStub } from "./stub/server.ts";
import { verifyFramework } from "./verify.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { trees: { type: "boolean", default: false } } });
const known = FRAMEWORKS.map(({ name }) => name);
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no framework ${unknown.join(", ")}; the frameworks are ${known.join(", ")}.`);
  process.exit(2);
}

const outcomes: Outcome[] = [];
const started = performance.now();
const stageOf = await openStages();
const stub = await startModelStub();
try {
  // One after another: they share the stub.
  for (const framework of FRAMEWORKS) {
    if (positionals.length > 0 && !positionals.includes(framework.name)) continue;
    const check = checksOf(framework.name, (outcome) => {
      outcomes.push(outcome);
      show(outcome);
    });
    await check("runs", () => verifyFramework(framework, { stub, stageOf, check, showsTrees: values.trees }));
  }
} finally {
  stub.close();
}

const failed = outcomes.filter(({ problem }) => problem !== undefined);
console.log(`\n${outcomes.length - failed.length} of ${outcomes.length} checks passed in ${seconds(performance.now() - started)}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function show({ app, what, problem, note, milliseconds }: Outcome): void {
  const result = problem === undefined ? "ok" : "FAILED";
  console.log(`${app.padEnd(14)} ${what.padEnd(56)} ${result.padEnd(6)} ${seconds(milliseconds).padStart(7)}  ${note}`.trimEnd());
  if (problem !== undefined) console.log(problem.replace(/^/gm, "    "));
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
