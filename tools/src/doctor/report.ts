import type { PropagationSetup } from "a2a-otel/diagnostics";
import type { Finding } from "./findings.ts";
import type { PackageCopy } from "./packages.ts";
import type { RoundTrip } from "./round-trip/round-trip.ts";
import type { Runtime } from "./checks/runtime.ts";

/** What {@link doctor} found. `String(report)` is the text for people, `JSON.stringify(report)` contains everything. */
export interface DoctorReport {
  /** Whether there is no error among the findings. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly runtime: Runtime;
  /** The version of a2a-otel. */
  readonly version: string;
  /** What is registered, in the form in which `setupPropagation()` of `a2a-otel/setup` returns it. */
  readonly propagation: PropagationSetup;
  /** The copies of @opentelemetry/api and of a2a-otel that the process has loaded, or that are installed for it. */
  readonly copies: readonly PackageCopy[];
  /** The call over loopback; undefined if none was made. */
  readonly roundTrip: RoundTrip | undefined;
  /** The text of {@link formatReport}. */
  toString(): string;
}

/** Creates a report whose `String()` is its text. */
export function createReport(parts: Omit<DoctorReport, "ok" | "toString">): DoctorReport {
  const report = { ...parts, ok: parts.findings.every(({ level }) => level !== "error") };
  return Object.defineProperty(report, "toString", { value: () => formatReport(report) });
}

const LABELS = { ok: "ok     ", warning: "WARNING", error: "ERROR  " } as const;
const WIDTH = 110;

/**
 * Formats a report as text: a paragraph for each finding with its remedy below it, and a line with the number of errors and warnings.
 *
 * @example
 * console.log(formatReport(await doctor()));
 */
export function formatReport({ findings }: Pick<DoctorReport, "findings">): string {
  const lines = findings.flatMap(({ level, message, remedy }) => [
    ...wrapLines(`${LABELS[level]}  `, message),
    ...(remedy === undefined ? [] : wrapLines("         Do: ", remedy)),
  ]);
  return ["a2a-otel doctor", "", ...lines, "", countLine(findings), ""].join("\n");
}

function countLine(findings: readonly Finding[]): string {
  const count = (level: Finding["level"], noun: string): string => {
    const number = findings.filter((finding) => finding.level === level).length;
    return `${number} ${noun}${number === 1 ? "" : "s"}`;
  };
  return `${count("error", "error")}, ${count("warning", "warning")}.`;
}

/** Wraps a text that follows a label; the lines after the first are indented by the length of the label. */
function wrapLines(label: string, text: string): string[] {
  const indent = " ".repeat(label.length);
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && label.length + line.length + 1 + word.length > WIDTH) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.map((line, index) => (index === 0 ? label : indent) + line);
}
