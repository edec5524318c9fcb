// npm run bench:gate: exits 1 if a figure of figures.ts is not kept. `--only fetch` asks only the checks whose name begins so; `--delay 15` slows each traced call by so many
// microseconds, and `--share 0.1` measures fewer rounds, both for the gate's own test.
import { parseArgs } from "node:util";
import { checks } from "./gate/checks.ts";
import { agree, isBroken } from "./gate/verdict.ts";
import type { Finding } from "./gate/verdict.ts";
import { inOrder } from "./measure/in-order.ts";
import type { Measuring } from "./measure/processes.ts";

const { values } = parseArgs({ options: { only: { type: "string" }, delay: { type: "string" }, share: { type: "string" } } });
const measuring: Measuring = {
  delay: Number(values.delay ?? 0),
  ...(values.share !== undefined && { share: Number(values.share) }),
};

const started = performance.now();
let broken = 0;
await inOrder(
  checks(measuring).filter(({ name }) => name.startsWith(values.only ?? "")),
  async ({ name, measure }) => {
    const findings = await agree(measure);
    broken += findings.filter(isBroken).length;
    console.log(findings.map((finding) => line(name, finding)).join("\n"));
  },
);
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(broken === 0 ? `\nAll figures are kept (${seconds} s).` : `\n${broken} figures are not kept (${seconds} s).`);
process.exitCode = broken === 0 ? 0 : 1;

function line(name: string, finding: Finding): string {
  const { what, measured, limit } = finding;
  const value = `${Number(measured.toPrecision(3))} ${what}`;
  const figure = `figure ${Number(limit.toPrecision(3))}`;
  return `${isBroken(finding) ? "FAIL" : "ok  "}  ${name.padEnd(32)} ${value.padEnd(24)} ${figure}`;
}
