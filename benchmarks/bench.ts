// npm run bench: measures everything and prints the tables. `--quick` measures less of each, `--update` writes benchmarks/RESULTS.md.
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { HEADER_BYTES } from "./figures.ts";
import { headersAdded } from "./measure/processes.ts";
import { environment } from "./report/environment.ts";
import { progress, progressDone } from "./report/progress.ts";
import { resultsPage } from "./report/results-page.ts";
import { markdown } from "./report/table.ts";
import type { Table } from "./report/table.ts";
import { USUAL } from "./rows/options.ts";
import { circumstances, circumstancesTable } from "./tables/circumstances.ts";
import type { Thoroughness } from "./tables/measured.ts";
import { heapSlope } from "./tables/heap-slope.ts";
import { ownTime, ownTimeTable } from "./tables/own-time.ts";
import { loopbackTable, stacks, stacksTable } from "./tables/stacks.ts";

const { values } = parseArgs({ options: { update: { type: "boolean" }, quick: { type: "boolean" } } });
const quick = values.quick === true;
const how: Thoroughness = { processes: quick ? 1 : 3, share: quick ? 0.2 : 1, progress };

const own = await ownTime(how);
const changed = await circumstances(how);
const inMemory = await stacks(quick ? 1 : 5, true, progress);
const loopback = await stacks(quick ? 1 : 3, false, progress);
progress("the headers that are added, and the heap after a million calls to a million origins");
const headerBytes = await headersAdded({ ...USUAL, row: "fetch" });
const slope = await heapSlope();
progressDone();

const measuredOn = environment();
const results = new URL("results/", import.meta.url);
mkdirSync(results, { recursive: true });
const everything = {
  environment: measuredOn,
  own,
  circumstances: changed,
  stacks: inMemory,
  loopback,
  headerBytes,
  heapSlope: slope,
};
writeFileSync(new URL("latest.json", results), `${JSON.stringify(everything, null, 2)}\n`);

const counts: Table = {
  title: "Counts",
  text: "Of fetch, sampled, without baggage.",
  head: ["", "measured", "figure"],
  rows: [
    ["bytes of header lines added to a request", String(headerBytes), `< ${HEADER_BYTES}`],
    ["bytes that the heap grows by with a call, over calls to a million origins", slope.toFixed(3), "< 0.1"],
  ],
};
const tables = [ownTimeTable(own), circumstancesTable(changed), stacksTable(inMemory), loopbackTable(loopback), counts];
console.log(tables.map(markdown).join("\n"));

if (values.update === true) writeFileSync(new URL("RESULTS.md", import.meta.url), resultsPage(measuredOn, tables));
