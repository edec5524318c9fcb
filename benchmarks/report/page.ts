import { renderTable } from "./table.ts";
import type { Table } from "./table.ts";

/**
 * Renders a page that begins with the introduction. Tables that were not measured this time stay as they are on the previous page, with the date
 * of their own measurement.
 */
export function renderPage(previous: string, introduction: string, tables: readonly Table[], environment: string): string {
  const sections = new Map(tableSections(previous));
  for (const table of tables) sections.set(table.title, renderSection(table, environment));
  return [introduction, ...sections.values()].join("\n");
}

const COMMAND = "Repeat with";

function renderSection(table: Table, environment: string): string {
  const { title, command, text } = table;
  return [`## ${title}`, "", `${COMMAND} \`${command}\`. ${environment}`, "", text, "", renderTable(table)].join("\n");
}

/** The sections of a page that begin with a command, by title. The introduction has none. */
function tableSections(page: string): [title: string, section: string][] {
  return page
    .split(/^(?=## )/m)
    .filter((section) => section.includes(`\n${COMMAND} `))
    .map((section) => [/^## (.*)$/m.exec(section)?.[1] ?? "", `${section.trimEnd()}\n`]);
}
