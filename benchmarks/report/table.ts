/** A table of results. Its cells are text, formatted for the reader. */
export interface Table {
  readonly title: string;
  /** The command that measures this table again. */
  readonly command: string;
  /** What the columns mean, and what the table does not show. */
  readonly text: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The table in Markdown, with aligned columns so that it can be read on a terminal too. */
export function renderTable({ head, rows }: Pick<Table, "head" | "rows">): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => (line[column] ?? "").length)));
  const render = (line: readonly string[]): string => `| ${widths.map((width, i) => (line[i] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [render(head), rule, ...rows.map(render), ""].join("\n");
}

/** Microseconds, with the digits that are reproducible. */
export function microseconds(value: number): string {
  if (Math.abs(value) < 0.005) return "0";
  return value.toFixed(Math.abs(value) < 1 ? 2 : Math.abs(value) < 20 ? 1 : 0);
}

export function bytes(value: number): string {
  return Math.abs(value) < 16 ? "0" : String(Math.round(value));
}

export function ratio(value: number): string {
  return value.toFixed(2);
}

/** A value with its target, in bold if it misses the target. */
export function withTarget(text: string, value: number, target: number | undefined): string {
  if (target === undefined) return text;
  return value <= target ? `${text} (target ${target})` : `**${text}** (target ${target})`;
}
