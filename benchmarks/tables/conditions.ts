import { bytes, microseconds, ratio, withTarget } from "../report/table.ts";
import type { Table } from "../report/table.ts";
import { USUAL } from "../scenarios/scenario.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { GROWTH, METRICS_RATIO } from "../targets.ts";
import { measureRepeatedly } from "./repeated-measurement.ts";
import type { Effort } from "./repeated-measurement.ts";

interface Condition {
  readonly name: string;
  readonly change: Partial<Scenario>;
  /** The most that the ratio may grow in comparison with the usual conditions. */
  readonly growthTarget?: number;
  readonly ratioTarget?: number;
}

const CONDITIONS: readonly Condition[] = [
  { name: "usual conditions", change: {} },
  { name: "URL of 2,000 characters", change: { urlLength: 2000 }, growthTarget: GROWTH },
  { name: "URL of 8,000 characters", change: { urlLength: 8000 }, growthTarget: GROWTH },
  { name: "2,000 origins in turn", change: { origins: 2000 }, growthTarget: GROWTH },
  { name: "10 calls in flight", change: { inFlight: 10 }, growthTarget: GROWTH },
  { name: "100 calls in flight", change: { inFlight: 100 }, growthTarget: GROWTH },
  { name: "500 calls in flight", change: { inFlight: 500 }, growthTarget: GROWTH },
  { name: "12 request headers", change: { requestHeaders: 12 } },
  { name: "52 request headers", change: { requestHeaders: 52 } },
  { name: "streamed response body", change: { bodyArrival: "streamed" } },
  { name: "with a MeterProvider", change: { metrics: true }, ratioTarget: METRICS_RATIO },
  { name: "3 baggage members, setupPropagation()", change: { baggage: 3, propagator: "ours" } },
  { name: "64 baggage members, setupPropagation()", change: { baggage: 64, propagator: "ours" } },
  { name: "3 baggage members, SDK's propagator", change: { baggage: 3 } },
  { name: "64 baggage members, SDK's propagator", change: { baggage: 64 } },
];

export async function conditionsTable(effort: Effort): Promise<Table> {
  const rows: string[][] = [];
  let usualRatio = Number.NaN;
  for (const { name, change, growthTarget, ratioTarget } of CONDITIONS) {
    const scenario: Scenario = { ...USUAL, subject: "fetch", ...change };
    const { cost, allocation } = await measureRepeatedly(`fetch, ${name}`, scenario, effort);
    const value = cost.ratio.value;
    if (rows.length === 0) usualRatio = value;
    const growth = value / usualRatio;
    rows.push([
      name,
      microseconds(cost.own.value),
      microseconds(cost.baseline),
      withTarget(ratio(value), value, ratioTarget),
      bytes(allocation.traced),
      growthTarget === undefined ? "" : withTarget(ratio(growth), growth, growthTarget),
    ]);
  }
  return {
    title: "A sampled fetch call under other conditions",
    command: "npm run bench -- --only conditions",
    text: [
      "The columns are those of the table above. Growth is the ratio divided by the ratio under usual conditions. Baggage is inherited from the request",
      "that the agent handles. With a MeterProvider, the SDK baseline also records a histogram with the same attributes.",
    ].join("\n"),
    head: ["", "own time", "SDK baseline", "ratio", "bytes", "growth"],
    rows,
  };
}
