import type { PropagationSetup } from "a2a-otel/diagnostics";
import type { Finding } from "./findings.ts";
import type { PackageCopy } from "./packages.ts";
import type { RoundTrip } from "./round-trip/round-trip.ts";
import type { Runtime } from "./checks/runtime.ts";

/** What {@link doctor} found. `String(report)` is the text for people, `JSON.stringify(report)` the whole of it. */
export interface DoctorReport {
  /** Whether there is no error among the findings. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly runtime: Runtime;
  /** The version of this package. */
  readonly version: string;
  /** What is in effect: as `setupPropagation()` returns it, without setting anything. */
  readonly propagation: PropagationSetup;
  /** The copies of @opentelemetry/api and of this package that the process has loaded, or that are installed for it. */
  readonly copies: readonly PackageCopy[];
  /** The call over loopback; undefined where none was made. */
  readonly roundTrip: RoundTrip | undefined;
  /** The text of {@link formatReport}. */
  toString(): string;
}

/** Makes a report whose `String()` is its text. */
export function reportOf(parts: Omit<DoctorReport, "ok" | "toString">): DoctorReport {
  const report = { ...parts, ok: parts.findings.every(({ level }) => level !== "error") };
  return Object.defineProperty(report, "toString", { value: () => formatReport(report) });
}

const MARKS = { ok: "ok     ", warning: "WARNING", error: "ERROR  " } as const;
const WIDTH = 110;

/**
 * A report as a text for people: a paragraph for each finding, its remedy below it, and a line of counts.
 *
 * @example
 * console.log(formatReport(await doctor()));
 */
export function formatReport({ findings }: Pick<DoctorReport, "findings">): string {
  const lines = findings.flatMap(({ level, message, remedy }) => [
    ...wrapped(`${MARKS[level]}  `, message),
    ...(remedy === undefined ? [] : wrapped("         Do: ", remedy)),
  ]);
  return ["a2a-otel doctor", "", ...lines, "", verdict(findings), ""].join("\n");
}

function verdict(findings: readonly Finding[]): string {
  const count = (level: Finding["level"], noun: string): string => {
    const number = findings.filter((finding) => finding.level === level).length;
    return `${number} ${noun}${number === 1 ? "" : "s"}`;
  };
  return `${count("error", "error")}, ${count("warning", "warning")}.`;
}

/** A text behind a mark, in lines of a bounded width that are indented as far as the mark is long. */
function wrapped(mark: string, text: string): string[] {
  const indent = " ".repeat(mark.length);
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && mark.length + line.length + 1 + word.length > WIDTH) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.map((line, index) => (index === 0 ? mark : indent) + line);
}
