// npm run bench:gate: exits with 1 if a limit of targets.ts is exceeded. `--only "fetch, sampled"` runs the checks whose name begins so;
// `--delay 10` delays each traced call by that many microseconds, to test the gate. "high": above
// the limit in the one process that was asked, after another limit had failed.
import { parseArgs } from "node:util";
import { runChecks } from "./gate/checks.ts";
import type { CheckResult } from "./gate/checks.ts";
import { isAbove } from "./gate/judge.ts";
import type { Finding } from "./gate/judge.ts";

const UNITS: Record<Finding["quantity"], string> = {
  ownTime: "us own time",
  ratio: "x SDK baseline",
  bytes: "bytes",
  headerBytes: "bytes of headers",
};

const { values } = parseArgs({ options: { only: { type: "string" }, delay: { type: "string" } } });
const start = performance.now();
const kept = await runChecks({ only: values.only, delay: Number(values.delay ?? 0), onResult: print });
const seconds = ((performance.now() - start) / 1000).toFixed(0);
console.log(kept ? `\nAll limits are kept (${seconds} s).` : `\nA limit is exceeded (${seconds} s).`);
process.exitCode = kept ? 0 : 1;

function print({ name, findings, confirmed }: CheckResult): void {
  for (const finding of findings) console.log(line(name, finding, confirmed));
}

function line(name: string, finding: Finding, confirmed: boolean): string {
  const { quantity, measured, limit } = finding;
  const value = `${Number(measured.toPrecision(3))} ${UNITS[quantity]}`;
  const verdict = !isAbove(finding) ? "ok  " : confirmed ? "FAIL" : "high";
  return `${verdict}  ${name.padEnd(30)} ${value.padEnd(22)} limit ${limit}`;
}
