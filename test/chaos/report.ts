import type { Verdict } from "./chaos.ts";
import type { Subject } from "./job.ts";

type Row = readonly string[];

/** How often each client or server ran each scenario. */
export function scenarioTable(verdicts: readonly Verdict[]): string {
  const subjects = verdicts.map(({ subject }) => subject);
  const names = new Set(verdicts.flatMap(({ scenarios }) => [...scenarios.keys()]));
  const rows = [...names].map((name) => [name, ...verdicts.map(({ scenarios }) => String(scenarios.get(name) ?? ""))]);
  return table(["scenario", ...subjects], rows);
}

/** The results of each client and server. */
export function summaryTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ subject, calls, seconds, traced, plain, defects }) => {
    const { spans, heapSlope } = traced;
    const bytes = heapSlope === undefined ? "" : `${heapSlope.toFixed()} / ${plain.heapSlope?.toFixed()}`;
    return [subject, calls, spans?.started ?? "", spans?.ended ?? "", bytes, seconds.toFixed(), defects.length].map(String);
  });
  const total = (of: (verdict: Verdict) => number): string => String(verdicts.reduce((sum, verdict) => sum + of(verdict), 0));
  rows.push([
    "all",
    total(({ calls }) => calls),
    total(({ traced }) => traced.spans?.started ?? 0),
    total(({ traced }) => traced.spans?.ended ?? 0),
    "",
    Math.round(Number(total(({ seconds }) => seconds))).toString(),
    total(({ defects }) => defects.length),
  ]);
  return table(["", "calls", "spans started", "ended", "heap, bytes per call (with / without)", "seconds", "defects"], rows);
}

/** The command that repeats a call of a run. */
export function repeatCommand(subject: Subject, seed: number): string {
  return `CHAOS_SEED=${seed} CHAOS_ONLY=${subject} CHAOS_FIRST=<call> CHAOS_CALLS=1 npm run test:chaos`;
}

function table(head: Row, rows: readonly Row[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const print = (line: Row): string =>
    widths
      .map((width, i) => (i === 0 ? (line[i] ?? "").padEnd(width) : (line[i] ?? "").padStart(width)))
      .join("  ")
      .trimEnd();
  return [print(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(print)].join("\n");
}
