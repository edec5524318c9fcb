import { FIGURES, SLOWEST } from "../figures.ts";
import type { Figures } from "../figures.ts";
import { NAMES } from "../gate/checks.ts";
import { inOrder } from "../measure/in-order.ts";
import { beside, bytes, microseconds, ratio } from "../report/table.ts";
import type { Table } from "../report/table.ts";
import { USUAL } from "../rows/options.ts";
import type { RowName } from "../rows/options.ts";
import type { State } from "../rows/telemetry.ts";
import { measured } from "./measured.ts";
import type { Measured, Thoroughness } from "./measured.ts";

const ROWS: readonly RowName[] = ["undici", "fetch", "wrapFetch", "axios", "got", "server", "inject", "extract", "noop"];
const STATES: readonly State[] = ["none", "forward", "unsampled", "sampled"];

export async function ownTime(how: Thoroughness): Promise<Measured[]> {
  const results: Measured[] = [];
  await inOrder(ROWS, (row) =>
    inOrder(row === "noop" ? ["sampled" as const] : STATES, async (state) => {
      results.push(await measured(`${row}, ${NAMES[state]}`, { ...USUAL, row, state }, how, row !== "noop"));
    }),
  );
  return results;
}

export function ownTimeTable(results: readonly Measured[]): Table {
  return {
    title: "Own time of a call, on a stub transport",
    text: [
      "What a call takes more than without tracing, in microseconds of CPU at the median, and how that compares with the floor. In bold: a figure",
      "that is not kept yet. `noop` traces nothing, three times: what the harness itself makes of nothing.",
    ].join("\n"),
    head: ["", "", "own time", "99th percentile", "floor", "own / floor", "interval", "bytes", "floor's"],
    rows: results.map(line),
  };
}

function line({ spec, own, floor, ratio: share, bytes: allocation, slowest }: Measured): string[] {
  const { row, state } = spec;
  const figures = FIGURES[row];
  const hasFloor = floor > 0.05;
  return [
    row,
    NAMES[state],
    beside(microseconds(own.median), own.median, timeFigure(state, figures)),
    slowest === undefined ? "" : beside(microseconds(slowest), slowest, state === "sampled" ? SLOWEST : undefined),
    microseconds(floor),
    hasFloor ? beside(ratio(share.median), share.median, ratioFigure(state, figures)) : "",
    hasFloor ? `${ratio(share.low)} to ${ratio(share.high)}` : "",
    beside(bytes(allocation.traced), Number(bytes(allocation.traced)), byteFigure(state, figures)),
    bytes(allocation.floor),
  ];
}

function timeFigure(state: State, figures: Figures | undefined): number | undefined {
  return { none: figures?.noSdkTime, forward: undefined, unsampled: undefined, sampled: figures?.sampledTime }[state];
}

function ratioFigure(state: State, figures: Figures | undefined): number | undefined {
  return { none: undefined, forward: undefined, unsampled: figures?.unsampledRatio, sampled: figures?.sampledRatio }[state];
}

function byteFigure(state: State, figures: Figures | undefined): number | undefined {
  return { none: figures?.noSdkBytes, forward: undefined, unsampled: figures?.unsampledBytes, sampled: figures?.sampledBytes }[
    state
  ];
}
