/** `npm run docs:figures` copies the measured figures from benchmarks/RESULTS.md to README.md. A test fails while the two differ. */
import { readFileSync, writeFileSync } from "node:fs";
import { figure, findRow, readTable } from "../benchmarks/report/read-table.ts";
import type { Row } from "../benchmarks/report/read-table.ts";

const NAMES = ["undici", "fetch", "axios", "got", "server"];

/** Returns README.md with the figures of a results page between its marks. */
export function withFigures(readme: string, results: string): string {
  const replaced = readme.replace(/(?<=<!-- figures -->\n)[\s\S]*?(?=<!-- end of figures -->)/, () => renderFigures(results));
  if (!replaced.includes("<!-- end of figures -->")) throw new Error("README.md has no marks for the figures");
  return replaced;
}

function renderFigures(results: string): string {
  const own = readTable(results, "Own time per call on a stub transport");
  const sampled = own.filter((row) => row["SDK"] === "sampled");
  const whole = readTable(results, "Whole clients over in-memory sockets");
  const agents = readTable(results, "A whole agent under load");
  const imports = readTable(results, "Cold start");
  const added = (name: string): string => `${figure(findRow(agents, name), "added by tracing")} µs`;
  const importTime = (name: string): string => `${figure(findRow(imports, name), "CPU time")} ms`;
  const idle = NAMES.map((name) => Number(figure(findRow(own, name, "no SDK"), "own time")));
  // The column "median" exists if own time is another statistic (see RESULTS.md).
  const hasMedian = sampled[0]?.["median"] !== undefined;
  return [
    `Own time is the CPU time that tracing adds to one sampled call, ${hasMedian ? "" : "at the median, "}measured on a stub transport, with a real SDK and a`,
    '`BatchSpanProcessor`. "SDK baseline" is the same span and headers made with bare OpenTelemetry API calls.',
    ...(hasMedian
      ? ["Own time and SDK baseline are means of the quietest tenth of the rounds; the median is that of all rounds."]
      : []),
    "",
    renderTable(sampled, ["own time", "median", "SDK baseline"]),
    "",
    "`npm run bench:gate` fails when the own time reaches 10 µs (0.01 ms). In a whole client, where caches are cold, tracing adds more, and so do bare",
    "SDK calls. In a whole client over in-memory sockets, the CPU time that tracing adds to one call, at the median, is:",
    "",
    renderTable(whole, ["a2a-otel", "SDK baseline", "OpenTelemetry's instrumentation"]),
    "",
    `An express agent that calls a model and another agent for each request spends ${added("a2a-otel")} of CPU time more per request, with the bare SDK calls`,
    `${added("SDK baseline")}, and with OpenTelemetry's instrumentations ${added("OpenTelemetry")}.`,
    "",
    `Importing \`a2a-otel/fetch\` takes ${importTime("a2a-otel/fetch")}, OpenTelemetry's instrumentation-undici ${importTime("@opentelemetry/instrumentation-undici")}.`,
    "",
    `Exporting is not included. Without an SDK and without an incoming trace, a call costs ${Math.min(...idle)} to ${Math.max(...idle)} µs.`,
    "",
  ].join("\n");
}

function renderTable(rows: readonly Row[], columns: readonly string[]): string {
  const present = columns.filter((column) => rows[0]?.[column] !== undefined);
  const lines = NAMES.map((name) => {
    const row = findRow(rows, name);
    const label = name === "server" ? "server (`node:http`)" : name;
    return `| ${[label, ...present.map((column) => `${figure(row, column)} µs`)].join(" | ")} |`;
  });
  return [`| | ${present.join(" | ")} |`, `|${" --- |".repeat(present.length + 1)}`, ...lines].join("\n");
}

if (import.meta.main) {
  const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  writeFileSync(new URL("../README.md", import.meta.url), withFigures(read("README.md"), read("benchmarks/RESULTS.md")));
}
