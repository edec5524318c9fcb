// npm run test:matrix: one smoke and the contract table, against the packed package, on several versions of Node and of the peers.
//
//   npm run test:matrix                                    all that is promised, and Node 20, which is not
//   npm run test:matrix -- --node 22 --peers oldest        some lines of Node (--node 22,24), some sets of peers
//   npm run test:matrix -- --smoke 24/oldest 22/newest     single cells, without the contract table
//   npm run test:matrix -- --tests "test/got/*.test.ts"    other tests of the project instead of the table
//   npm run test:matrix -- --keep 22/newest                leaves the folder that the package is installed in
//
// A new version of a peer: npm i -E --package-lock-only --omit-lockfile-registry-resolved <package>@<version> in a folder of peers/.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { progress, progressDone } from "../../benchmarks/report/progress.ts";
import { renderTable } from "../../benchmarks/report/table.ts";
import { chosenCells } from "./cells.ts";
import type { Cell, NodeLine } from "./cells.ts";
import { installNode, installPeers, pack, packTools } from "./install.ts";
import { runSmoke, runTests } from "./run.ts";
import type { Verdict } from "./run.ts";

const listed = (given: readonly string[]): string[] => given.flatMap((list) => list.split(","));
const { values, cells } = asked();

// Outside of the project, whose own node_modules a cell would find otherwise.
const folder = realpathSync(mkdtempSync(join(tmpdir(), "a2a-otel-matrix-")));
const failures: string[] = [];
try {
  progress("packing");
  const tarballs = [await pack(folder), await packTools(folder)];
  const installed = new Map<string, Promise<string>>();
  const install = (peers: string): Promise<string> => {
    const cell = installed.get(peers) ?? installPeers(peers, tarballs, join(folder, peers));
    installed.set(peers, cell);
    return cell;
  };
  const rows: string[][] = [];
  for (const cell of cells) rows.push(await row(cell, install));
  progressDone();
  for (const failure of failures) console.log(failure);
  console.log("Results of the packed package, by version of Node and of the peer dependencies:\n");
  console.log(renderTable({ head: ["node", "peers", "smoke", "contract", "time"], rows }));
} finally {
  if (values.keep) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}

/** Runs a cell and returns its row of the table. */
async function row({ node, peers }: Cell, install: (peers: string) => Promise<string>): Promise<string[]> {
  const name = `${node.name}/${peers}`;
  progress(`${name}: installing`);
  const program = await installNode(node.name);
  if (program === undefined) return [node.name, peers, `npm has none for ${process.platform} ${process.arch}`, "-", "-"];
  const verdicts: (Verdict | undefined)[] = [];
  let began = performance.now();
  try {
    const cell = await install(peers);
    began = performance.now();
    progress(`${name}: smoke`);
    verdicts.push(await runSmoke(program, cell));
    if (!values.smoke && node.runsVitest) {
      progress(`${name}: contract`);
      verdicts.push(await runTests(program, cell, listed(values.tests)));
    }
  } catch (error) {
    verdicts.push({ passed: false, output: String(error) });
  }
  const words = [0, 1].map((at) => judged(name, node, verdicts[at]));
  return [node.name, peers, ...words, `${((performance.now() - began) / 1000).toFixed(1)} s`];
}

function judged(name: string, { promised }: NodeLine, verdict: Verdict | undefined): string {
  if (verdict === undefined) return "-";
  if (verdict.passed) return "passed";
  failures.push(`\n== ${name}\n${verdict.output}`);
  if (!promised) return "failed, not promised";
  process.exitCode = 1;
  return "FAILED";
}

/** The options of the command line; ends the process if they are invalid. */
function asked() {
  const list = { type: "string", multiple: true, default: [] as string[] } as const;
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values: given, positionals } = parseArgs({
      allowPositionals: true,
      options: { node: list, peers: list, smoke: flag, tests: list, keep: flag },
    });
    return { values: given, cells: chosenCells(positionals, listed(given.node), listed(given.peers)) };
  } catch (error) {
    console.error(`test:matrix: ${(error as Error).message}`);
    return process.exit(2);
  }
}
