// npm run bench: measures the tables of RESULTS.md and prints them. `--only own-time` measures one table, `--quick` measures less of each, and
// `--update` writes the measured tables into RESULTS.md and draws the chart of README.md.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { renderChart } from "./report/chart.ts";
import { describeEnvironment } from "./report/environment.ts";
import { renderPage } from "./report/page.ts";
import { progress, progressDone } from "./report/progress.ts";
import { RESULTS_INTRODUCTION } from "./report/results-introduction.ts";
import { renderTable } from "./report/table.ts";
import type { Table } from "./report/table.ts";
import { agentTable } from "./tables/agent.ts";
import { coldStartTable } from "./tables/cold-start.ts";
import { conditionsTable } from "./tables/conditions.ts";
import { countsTable } from "./tables/counts.ts";
import { ownTimeTable } from "./tables/own-time.ts";
import type { Effort } from "./tables/repeated-measurement.ts";
import { loopbackTable, wholeClientsTable } from "./tables/whole-clients.ts";

const TABLES: Record<string, (effort: Effort) => Promise<Table>> = {
  agent: agentTable,
  "own-time": ownTimeTable,
  conditions: conditionsTable,
  "whole-clients": wholeClientsTable,
  loopback: loopbackTable,
  "cold-start": coldStartTable,
  counts: countsTable,
};

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, quick: { type: "boolean" }, update: { type: "boolean" } },
});
const effort: Effort = values.quick === true ? { processes: 1, share: 0.4, progress } : { processes: 3, share: 1, progress };

const tables: Table[] = [];
for (const name of values.only ?? Object.keys(TABLES)) {
  const measure = TABLES[name];
  if (measure === undefined) throw new Error(`no table ${name}: there are ${Object.keys(TABLES).join(", ")}`);
  tables.push(await measure(effort));
}
progressDone();
console.log(tables.map((table) => `${table.title}\n\n${renderTable(table)}`).join("\n"));
if (values.update === true) {
  const page = new URL("RESULTS.md", import.meta.url);
  const results = renderPage(readFileSync(page, "utf8"), RESULTS_INTRODUCTION, tables, describeEnvironment(effort.share));
  writeFileSync(page, results);
  for (const theme of ["light", "dark"] as const) {
    writeFileSync(new URL(`chart-${theme}.svg`, import.meta.url), renderChart(results, theme));
  }
}
