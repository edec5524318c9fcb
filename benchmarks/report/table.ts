/** A table, its cells as they are to be read. */
export interface Table {
  readonly title: string;
  /** What the table says, and of what it does not speak. */
  readonly text: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A table as Markdown, aligned so that it reads well on a terminal too. */
export function markdown({ title, text, head, rows }: Table): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => (line[column] ?? "").length)));
  const print = (line: readonly string[]): string => `| ${widths.map((width, i) => (line[i] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [`## ${title}`, "", text, "", print(head), rule, ...rows.map(print), ""].join("\n");
}

/** Microseconds; two significant digits are what the machine allows below ten. */
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

/** A value beside its figure, marked where it is not kept. */
export function beside(text: string, value: number, figure: number | undefined): string {
  if (figure === undefined) return text;
  return value <= figure ? `${text} (figure ${figure})` : `**${text}** (figure ${figure})`;
}
