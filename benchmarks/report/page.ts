import { readFileSync, writeFileSync } from "node:fs";
import { renderTable } from "./table.ts";
import type { Table } from "./table.ts";

/**
 * Writes an introduction and tables into a page. Tables that were not measured this time stay as they are, with the date of their own
 * measurement.
 */
export function updatePage(page: URL, introduction: string, tables: readonly Table[], environment: string): void {
  const sections = new Map(sectionsOf(readFileSync(page, "utf8")));
  for (const table of tables) sections.set(table.title, renderSection(table, environment));
  writeFileSync(page, [introduction, ...sections.values()].join("\n"));
}

function renderSection(table: Table, environment: string): string {
  return [`## ${table.title}`, "", `Repeat with \`${table.command}\`. ${environment}`, "", table.text, "", renderTable(table)].join(
    "\n",
  );
}

/** The level-two sections with a table, by title. The introduction has no table. */
function sectionsOf(text: string): [title: string, section: string][] {
  return text
    .split(/^(?=## )/m)
    .filter((section) => /^\| /m.test(section))
    .map((section) => [/^## (.*)$/m.exec(section)?.[1] ?? "", `${section.trimEnd()}\n`]);
}
