// Reads tables of RESULTS.md, for the figures of README.md and the chart.

/** The cells of a row by the names of their columns. The first column has no name. */
export type Row = Readonly<Record<string, string>>;

/** The rows of the table below a heading. */
export function readTable(page: string, heading: string): Row[] {
  const [, section] = page.split(`## ${heading}\n`);
  if (section === undefined) throw new Error(`RESULTS.md has no table "${heading}"`);
  const lines = section.split(/^## /m)[0]?.match(/^\|.*\|$/gm) ?? [];
  const [head = [], , ...rows] = lines.map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  return rows.map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index] ?? ""])));
}

export function findRow(rows: readonly Row[], name: string, sdk?: string): Row {
  const row = rows.find((candidate) => candidate[""] === name && (sdk === undefined || candidate["SDK"] === sdk));
  if (row === undefined) throw new Error(`RESULTS.md has no row for ${name}`);
  return row;
}

/** The number in a cell, without its target and emphasis. */
export function figure(row: Row, column: string): string {
  const [number] = /-?[\d.]+/.exec(row[column] ?? "") ?? [];
  if (number === undefined) throw new Error(`RESULTS.md has no number in the column "${column}" of ${row[""]}`);
  return number;
}
