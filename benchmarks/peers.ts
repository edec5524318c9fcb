// npm run bench:peers: measures a whole agent and whole clients with this library and with other tracing libraries, which are installed into
// benchmarks/peers at first use. `--only agent` measures one table, `--quick` measures less; `--update` writes the measured tables into PEERS.md.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeEnvironment, packageList } from "./report/environment.ts";
import { renderPage } from "./report/page.ts";
import { PEERS_INTRODUCTION } from "./report/peers-introduction.ts";
import { progress, progressDone } from "./report/progress.ts";
import { renderTable } from "./report/table.ts";
import type { Table } from "./report/table.ts";
import { agentWithOtherLibrariesTable } from "./tables/agent.ts";
import type { Effort } from "./tables/repeated-measurement.ts";
import { otherLibrariesTable } from "./tables/whole-clients.ts";

const TABLES: Record<string, (effort: Effort) => Promise<Table>> = {
  agent: agentWithOtherLibrariesTable,
  "whole-clients": otherLibrariesTable,
};

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, quick: { type: "boolean" }, update: { type: "boolean" } },
});
const effort: Effort = values.quick === true ? { processes: 1, share: 0.4, progress } : { processes: 3, share: 1, progress };
install();

const tables: Table[] = [];
for (const name of values.only ?? Object.keys(TABLES)) {
  const measure = TABLES[name];
  if (measure === undefined) throw new Error(`no table ${name}: there are ${Object.keys(TABLES).join(", ")}`);
  tables.push(await measure(effort));
}
progressDone();
console.log(tables.map((table) => `${table.title}\n\n${renderTable(table)}`).join("\n"));
if (values.update === true) {
  const { dependencies } = JSON.parse(readFileSync(new URL("peers/package.json", import.meta.url), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const environment = `${describeEnvironment(effort.share)} The other libraries are ${packageList(dependencies)}.`;
  const page = new URL("PEERS.md", import.meta.url);
  writeFileSync(page, renderPage(readFileSync(page, "utf8"), PEERS_INTRODUCTION, tables, environment));
}

/** The other libraries are not dependencies of the project. What their install scripts build is not used here. */
function install(): void {
  const folder = fileURLToPath(new URL("peers/", import.meta.url));
  if (existsSync(`${folder}node_modules/dd-trace`)) return;
  progress("installing the other libraries");
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: folder,
    stdio: "inherit",
  });
}
