import { headerBytesInChild, runInChild } from "../measure/run-in-child.ts";
import type { Table } from "../report/table.ts";
import { USUAL } from "../scenarios/scenario.ts";
import { HEAP_GROWTH, TARGETS } from "../targets.ts";
import type { Effort } from "./repeated-measurement.ts";

const HEAP_GROWTH_PROCESS = new URL("../measure/heap-growth-process.ts", import.meta.url);

export async function countsTable({ progress }: Effort): Promise<Table> {
  progress("header bytes");
  const headerBytes = await headerBytesInChild({ ...USUAL, subject: "fetch" });
  progress("heap growth over a million calls to a million origins");
  const heapGrowth = await runInChild<number>(HEAP_GROWTH_PROCESS, {}, ["--expose-gc"]);
  return {
    title: "Header bytes and heap growth",
    command: "npm run bench -- --only counts",
    text: "For sampled fetch calls without baggage.",
    head: ["", "measured", "target"],
    rows: [
      ["bytes of the header lines added to a request", String(headerBytes), `< ${TARGETS.fetch?.sampled?.headerBytes}`],
      [
        "bytes by which the heap grows per call, over a million calls to a million origins",
        heapGrowth.toFixed(3),
        `< ${HEAP_GROWTH}`,
      ],
    ],
  };
}
