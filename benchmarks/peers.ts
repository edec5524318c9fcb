// npm run bench:peers: whole clients over in-memory sockets, with this library and with others. Installs the others into peers/ on first use.
// `--quick` measures less; `--update` writes benchmarks/PEERS.md.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { inOrder } from "./measure/in-order.ts";
import { environment } from "./report/environment.ts";
import { peersPage } from "./report/peers-page.ts";
import { progress, progressDone } from "./report/progress.ts";
import { markdown, microseconds, ratio } from "./report/table.ts";
import type { Table } from "./report/table.ts";
import { FLOOR, OURS, PLAIN, alternate, ownTimeOf, shareOf } from "./stacks/alternate.ts";
import { PEERS } from "./stacks/contenders.ts";
import { STACKS } from "./stacks/stack.ts";

const { values } = parseArgs({ options: { update: { type: "boolean" }, quick: { type: "boolean" } } });
const processes = values.quick === true ? 1 : 3;
install();

const rows: string[][] = [];
await inOrder(STACKS, async (stack) => {
  const turns = await alternate(stack, [PLAIN, FLOOR, OURS, ...PEERS], processes, true, progress);
  for (const { name } of [FLOOR, OURS, ...PEERS]) {
    if (turns[name] === undefined) continue;
    rows.push([
      stack,
      name,
      microseconds(ownTimeOf(turns, name)),
      name === OURS.name ? "" : ratio(shareOf(turns, OURS.name, name)),
    ]);
  }
});
progressDone();
const table: Table = {
  title: "Whole clients over in-memory sockets",
  text: "CPU microseconds of a call beyond those without tracing; medians of processes that take turns.",
  head: ["", "", "a call", "a2a-otel's share of it"],
  rows,
};
console.log(markdown(table));
if (values.update === true) {
  const { dependencies } = JSON.parse(readFileSync(new URL("peers/package.json", import.meta.url), "utf8")) as {
    dependencies: Record<string, string>;
  };
  writeFileSync(new URL("PEERS.md", import.meta.url), peersPage(environment(), dependencies, table));
}

/** The folder's dependencies are no part of the project's. Their install scripts build nothing that is measured. */
function install(): void {
  const folder = fileURLToPath(new URL("peers/", import.meta.url));
  if (existsSync(`${folder}node_modules/dd-trace`)) return;
  progress("installing what is compared with");
  execFileSync("npm", ["install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"], {
    cwd: folder,
    stdio: "inherit",
  });
}
