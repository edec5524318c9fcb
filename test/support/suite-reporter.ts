import { appendFileSync } from "node:fs";
import type { Reporter, TestModule, Vitest } from "vitest/node";
import { SUITES } from "./suites.ts";

/**
 * Prints, as the last line of a run, how many tests of each suite ran and were skipped, and which suites the run left out. Appends one line for each suite (its
 * name and the numbers of tests that passed, failed and were skipped) to the file that the environment variable `TEST_COUNTS` names; `.ci/run` adds them up.
 */
export function suiteReporter(): Reporter {
  let selected: readonly string[] = [];
  return {
    onInit: (vitest: Vitest) => {
      selected = vitest.projects.map(({ name }) => name);
    },
    onTestRunEnd: (modules: readonly TestModule[]) => {
      const counts = SUITES.map(({ name }) => {
        const tests = modules.filter(({ project }) => project.name === name).flatMap((module) => [...module.children.allTests()]);
        const skipped = tests.filter((test) => test.result().state === "skipped").length;
        const broken = modules.filter((module) => module.project.name === name && module.errors().length > 0).length;
        const failed = tests.filter((test) => test.result().state === "failed").length + broken;
        return { name, run: tests.length - skipped, skipped, failed };
      });
      const file = process.env["TEST_COUNTS"];
      for (const { name, run, skipped, failed } of file === undefined ? [] : counts) {
        if (run + skipped + failed > 0)
          appendFileSync(file as string, `${name} ${Math.max(0, run - failed)} ${failed} ${skipped}\n`);
      }
      const ran = counts.filter(({ run, skipped }) => run + skipped > 0);
      const texts = ran.map(({ name, run, skipped }) => `${name} ${run}${skipped > 0 ? ` (${skipped} skipped)` : ""}`);
      const leftOut = SUITES.filter(({ name }) => !selected.includes(name)).map(({ name }) => name);
      const rest = leftOut.length === 0 ? "" : ` Not part of this run: ${leftOut.join(", ")}.`;
      const hint = leftOut.length > 0 && leftOut.every(isLongSuite) ? " Run them with `npm run test:long`." : "";
      console.log(`Tests by suite: ${texts.join(", ")}.${rest}${hint}`);
    },
  };
}

function isLongSuite(name: string): boolean {
  return SUITES.find((suite) => suite.name === name)?.isLong === true;
}
