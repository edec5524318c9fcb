import { STATE_NAMES } from "../gate/checks.ts";
import { bytes, microseconds, ratio, withTarget } from "../report/table.ts";
import type { Table } from "../report/table.ts";
import { USUAL } from "../scenarios/scenario.ts";
import type { Subject } from "../scenarios/scenario.ts";
import type { SdkState } from "../scenarios/telemetry.ts";
import { TAIL_LATENCY, TARGETS } from "../targets.ts";
import { measureRepeatedly, measureTailLatency } from "./repeated-measurement.ts";
import type { Effort, Measurement } from "./repeated-measurement.ts";

const SUBJECTS: readonly Subject[] = [
  "undici",
  "fetch",
  "wrapFetch",
  "axios",
  "got",
  "node",
  "server",
  "injectTraceContext",
  "extractTraceContext",
  "untraced",
];
const STATES: readonly SdkState[] = ["none", "forward", "unsampled", "sampled"];

export async function ownTimeTable(effort: Effort): Promise<Table> {
  const rows: string[][] = [];
  for (const subject of SUBJECTS) {
    for (const state of subject === "untraced" ? (["sampled"] as const) : STATES) {
      const name = `${subject}, ${STATE_NAMES[state]}`;
      const scenario = { ...USUAL, subject, state };
      const measurement = await measureRepeatedly(name, scenario, effort);
      const tail = subject === "untraced" ? undefined : await measureTailLatency(name, scenario, effort);
      rows.push(formatRow(measurement, tail));
    }
  }
  return {
    title: "Own time per call on a stub transport",
    command: "npm run bench -- --only own-time",
    text: [
      "Own time is the CPU time in microseconds that a call takes beyond the untraced call. The first column is the quietest tenth of the rounds, which",
      "the gate checks; the second is the median of all rounds; the third is the 99th percentile of single calls, in wall-clock time. The ratio is own",
      "time divided by the time of the SDK baseline, both over the quietest tenth. Values that miss their target are in bold. The row `untraced` measures",
      "an untraced call three times: it shows the error of the measurement.",
    ].join("\n"),
    head: ["", "SDK", "own time", "median", "99th percentile", "SDK baseline", "ratio", "interval", "bytes", "baseline's bytes"],
    rows,
  };
}

function formatRow({ scenario, cost, allocation }: Measurement, tail: number | undefined): string[] {
  const { subject, state } = scenario;
  const targets = TARGETS[subject]?.[state];
  const { own, ratio: ratioToBaseline, baseline, medianOwn } = cost;
  // Without an SDK the baseline takes next to no time, so the ratio to it means nothing.
  const hasRatio = baseline > 0.05;
  return [
    subject,
    STATE_NAMES[state],
    withTarget(microseconds(own.value), own.value, targets?.ownTime),
    microseconds(medianOwn),
    tail === undefined ? "" : withTarget(microseconds(tail), tail, state === "sampled" ? TAIL_LATENCY : undefined),
    microseconds(baseline),
    hasRatio ? withTarget(ratio(ratioToBaseline.value), ratioToBaseline.value, targets?.ratio) : "",
    hasRatio ? `${ratio(ratioToBaseline.low)} to ${ratio(ratioToBaseline.high)}` : "",
    withTarget(bytes(allocation.traced), Number(bytes(allocation.traced)), targets?.bytes),
    bytes(allocation.baseline),
  ];
}
