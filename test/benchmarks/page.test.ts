import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PEERS_INTRODUCTION } from "../../benchmarks/report/peers-introduction.ts";
import { renderPage } from "../../benchmarks/report/page.ts";
import { RESULTS_INTRODUCTION } from "../../benchmarks/report/results-introduction.ts";
import type { Table } from "../../benchmarks/report/table.ts";

function createTable(title: string, value: string): Table {
  return { title, command: "npm run bench", text: "A text.", head: ["", "value"], rows: [["row", value]] };
}

describe("renderPage", () => {
  const introduction = "# Results\n\n## Method\n\n| a | table |\n| - | ----- |\n";
  const first = renderPage("", introduction, [createTable("One", "1"), createTable("Two", "2")], "Measured today.");

  it("begins with the introduction", () => {
    expect(first.startsWith(introduction)).toBe(true);
  });

  it("prints the command and the environment before each table", () => {
    expect(first).toContain("## One\n\nRepeat with `npm run bench`. Measured today.\n\nA text.\n\n|     | value |");
  });

  it("replaces a table that was measured again and keeps the others", () => {
    const second = renderPage(first, introduction, [createTable("Two", "3")], "Measured tomorrow.");
    expect(second).toBe(
      first.replace(/Measured today\.(?=\n\nA text\.\n\n[^#]*\| 2)/, "Measured tomorrow.").replace("| 2 ", "| 3 "),
    );
  });

  it.each([
    { page: "RESULTS.md", text: RESULTS_INTRODUCTION },
    { page: "PEERS.md", text: PEERS_INTRODUCTION },
  ])("renders the recorded $page without a change", ({ page, text }) => {
    const recorded = readFileSync(new URL(`../../benchmarks/${page}`, import.meta.url), "utf8");
    expect(renderPage(recorded, text, [], "")).toBe(recorded);
  });
});
