// npm run bench:gate:self: tests the gate while both cores are busy. It must pass the code as it is in each of 20 runs, and in 20 of 20 runs it
// must notice a delay of 10 microseconds in each client. `--runs 3` runs it less often.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { runChecks } from "./gate/checks.ts";

const CLIENTS = ["undici", "fetch", "axios", "got"];
const DELAY = 10;

const { values } = parseArgs({ options: { runs: { type: "string", default: "20" } } });
const runs = Number(values.runs);
const load = Array.from({ length: availableParallelism() }, () => new Worker("while (true) Math.random();", { eval: true }));
let wrong = 0;

await expectKept("the code as it is", {}, true);
for (const client of CLIENTS)
  await expectKept(`${client} with a delay of ${DELAY} us`, { only: `${client}, `, delay: DELAY }, false);

await Promise.all(load.map((worker) => worker.terminate()));
process.exitCode = wrong === 0 ? 0 : 1;

async function expectKept(what: string, options: { only?: string; delay?: number }, expected: boolean): Promise<void> {
  let right = 0;
  let slowest = 0;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    if ((await runChecks(options)) === expected) right++;
    slowest = Math.max(slowest, performance.now() - start);
  }
  if (right < runs) wrong++;
  const verdict = expected ? "passed" : "failed";
  console.log(
    `${right === runs ? "ok  " : "FAIL"}  ${what}: ${verdict} in ${right} of ${runs} runs, ${(slowest / 1000).toFixed(0)} s at most`,
  );
}
