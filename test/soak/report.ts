import { median } from "../../benchmarks/measure/statistics.ts";
import type { Pair } from "./pair.ts";
import { grownBy } from "./verdict.ts";

/** A table of the figures with this library and without it. */
export function report(pairs: readonly Pair[]): string {
  const rows = pairs.flatMap(({ client, traced, plain, blocks, seconds }) => {
    const of = (side: "traced" | "plain", what: (block: Pair["blocks"][number]["traced"]) => number): string =>
      median(blocks.map((block) => what(block[side]))).toFixed(1);
    return (["traced", "plain"] as const).map((name) => {
      const side = name === "traced" ? traced : plain;
      const { before, after } = side;
      const { spans } = side.client;
      return [
        name === "traced" ? client : "  without",
        String(side.calls),
        of(name, ({ callsASecond }) => callsASecond),
        of(name, ({ cpu }) => cpu),
        `${megabytes(before.client.heap)} -> ${megabytes(after.client.heap)}`,
        (grownBy(side, "client") / side.calls).toFixed(1),
        `${megabytes(before.client.resident)} -> ${megabytes(after.client.resident)}`,
        `${megabytes(before.server.heap)} -> ${megabytes(after.server.heap)}`,
        of(name, ({ delay }) => delay.mean),
        of(name, ({ delay }) => delay.p99),
        of(name, ({ delay }) => delay.max),
        spans === undefined ? "" : `${spans.started} / ${spans.exported}`,
        name === "traced" ? seconds.toFixed() : "",
      ];
    });
  });
  return table([HEAD, ...rows]);
}

const HEAD = [
  "client",
  "calls",
  "a second",
  "CPU us",
  "heap MB",
  "bytes a call",
  "resident MB",
  "server's heap MB",
  "delay ms, mean",
  "p99",
  "max",
  "spans started / exported",
  "seconds",
];

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const print = (line: readonly string[]): string =>
    widths
      .map((width, i) => (i === 0 ? (line[i] ?? "").padEnd(width) : (line[i] ?? "").padStart(width)))
      .join("  ")
      .trimEnd();
  const [head = [], ...rows] = lines;
  return [print(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(print)].join("\n");
}
