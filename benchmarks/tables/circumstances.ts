import { GROWTH } from "../figures.ts";
import { inOrder } from "../measure/in-order.ts";
import { beside, bytes, microseconds, ratio } from "../report/table.ts";
import type { Table } from "../report/table.ts";
import { USUAL } from "../rows/options.ts";
import type { RowSpec } from "../rows/options.ts";
import { measured } from "./measured.ts";
import type { Measured, Thoroughness } from "./measured.ts";

/** What a sampled fetch is made under, and whether the cost may grow with it. */
interface Circumstance {
  readonly name: string;
  readonly change: Partial<RowSpec>;
  readonly figure?: number;
}

const CIRCUMSTANCES: readonly Circumstance[] = [
  { name: "as most calls are", change: {} },
  { name: "URL of 2,000 characters", change: { url: 2000 }, figure: GROWTH },
  { name: "URL of 8,000 characters", change: { url: 8000 }, figure: GROWTH },
  { name: "2,000 origins in turn", change: { origins: 2000 }, figure: GROWTH },
  { name: "10 calls in flight", change: { inFlight: 10 }, figure: GROWTH },
  { name: "100 calls in flight", change: { inFlight: 100 }, figure: GROWTH },
  { name: "500 calls in flight", change: { inFlight: 500 }, figure: GROWTH },
  { name: "12 request headers", change: { headers: 12 } },
  { name: "52 request headers", change: { headers: 52 } },
  { name: "body streams", change: { arrival: "streamed" } },
  { name: "with a MeterProvider", change: { metrics: true } },
  { name: "3 baggage members, setupPropagation", change: { baggage: 3, propagator: "ours" } },
  { name: "64 baggage members, setupPropagation", change: { baggage: 64, propagator: "ours" } },
  { name: "3 baggage members, SDK's propagator", change: { baggage: 3 } },
  { name: "64 baggage members, SDK's propagator", change: { baggage: 64 } },
];

export interface InCircumstance {
  readonly name: string;
  readonly figure: number | undefined;
  readonly result: Measured;
}

export async function circumstances(how: Thoroughness): Promise<InCircumstance[]> {
  const results: InCircumstance[] = [];
  await inOrder(CIRCUMSTANCES, async ({ name, change, figure }) => {
    const result = await measured(`fetch, ${name}`, { ...USUAL, row: "fetch", ...change }, { ...how, share: how.share / 2 });
    results.push({ name, figure, result });
  });
  return results;
}

export function circumstancesTable(results: readonly InCircumstance[]): Table {
  const usual = results[0]?.result.ratio.median ?? Number.NaN;
  return {
    title: "A sampled fetch, in other circumstances",
    text: [
      "As above. Baggage is inherited from the request that the agent handles. Where the floor is the same, the last column says how many times the",
      "first line's cost this is: own / floor against own / floor, so that the machine's slow spells do not count.",
    ].join("\n"),
    head: ["", "own time", "floor", "own / floor", "bytes", "growth"],
    rows: results.map(({ name, figure, result }) => {
      const growth = result.ratio.median / usual;
      return [
        name,
        microseconds(result.own.median),
        microseconds(result.floor),
        ratio(result.ratio.median),
        bytes(result.bytes.traced),
        figure === undefined ? "" : beside(ratio(growth), growth, figure),
      ];
    }),
  };
}
