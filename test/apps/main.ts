// Builds and runs small real projects that use the packed package: `npm run test:apps`, or with names for some of them.
import { apps } from "./apps.ts";
import { checksOf } from "./checks.ts";
import type { Outcome } from "./checks.ts";
import { pack, stage } from "./stage.ts";

const names = process.argv.slice(2);
const known = apps.map(({ name }) => name);
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no app ${unknown.join(", ")}; the apps are ${known.join(", ")}.`);
  process.exit(2);
}

const outcomes: Outcome[] = [];
const started = performance.now();
const packages = await pack();
for (const { name, folder = name, verify } of apps) {
  if (names.length > 0 && !names.includes(name)) continue;
  const check = checksOf(name, (outcome) => {
    outcomes.push(outcome);
    show(outcome);
  });
  const stageOf = (another: string): Promise<string> => stage(another, packages);
  await check("runs to its end", async () => verify(await stageOf(folder), check, stageOf));
}

const failed = outcomes.filter(({ problem }) => problem !== undefined);
console.log(`\n${outcomes.length - failed.length} of ${outcomes.length} checks passed in ${seconds(performance.now() - started)}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function show({ app, what, problem, note, milliseconds }: Outcome): void {
  const result = problem === undefined ? "ok" : "FAILED";
  console.log(`${app.padEnd(14)} ${what.padEnd(76)} ${result.padEnd(6)} ${seconds(milliseconds).padStart(7)}  ${note}`.trimEnd());
  if (problem !== undefined) console.log(problem.replace(/^/gm, "    "));
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
