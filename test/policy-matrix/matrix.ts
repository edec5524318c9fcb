import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { allCells, labelsOf, nameOf } from "./cells.ts";
import type { Cell } from "./cells.ts";
import { runCell } from "./run-cell.ts";
import { samplePairs } from "./sampling.ts";
import type { Stacking } from "./stackings.ts";
import { violations } from "./violations.ts";

export interface MatrixOptions {
  /** Names the process in which the cells run, and its list of known failures. */
  readonly name: string;
  readonly stackings: readonly Stacking[];
  /** Each three dimensions of which all triples of values are to occur, beside all pairs. */
  readonly triples?: readonly (readonly (keyof Cell)[])[];
  /** Called when the SDK of a cell has been registered. */
  readonly onSdkStarted?: () => void;
}

/** Whether a known failure fails each time, or depends on timing. */
type Failure = "fails" | "may fail";

// Set by main.ts.
const isFull = process.env["POLICY_MATRIX"] === "full";

/** Defines a test for each cell. A known failure must fail, so that the list of them shrinks with each repair. */
export function policyMatrix({ name, stackings, triples = [], onSdkStarted }: MatrixOptions): void {
  const all = allCells(stackings);
  const sampled = isFull ? all : samplePairs(all, labelsOf, triples);
  const known = knownFailures(name);
  const cells = sampled.map((cell): [title: string, cell: Cell] => [nameOf(cell), cell]);
  const cellsThat = (failure: Failure | undefined): typeof cells => cells.filter(([title]) => known[title] === failure);
  const seen = async (cell: Cell): Promise<string[]> => violations(cell, await runCell(cell, onSdkStarted));

  describe(`policy matrix, ${name}`, () => {
    it.each(cellsThat(undefined))("%s", async (_, cell) => {
      expect(await seen(cell)).toEqual([]);
    });

    it.each(cellsThat("fails"))("%s", { fails: true }, async (_, cell) => {
      expect(await seen(cell)).toEqual([]);
    });

    it.each(cellsThat("may fail"))("%s", async (_, cell) => {
      expect(await seen(cell)).toBeInstanceOf(Array);
    });

    it("lists no known failure that is not a cell", () => {
      const titles = new Set(all.map(nameOf));
      expect(Object.keys(known).filter((title) => !titles.has(title))).toEqual([]);
    });
  });
}

function knownFailures(name: string): Partial<Record<string, Failure>> {
  const list = new URL(`known-failures/${name.replaceAll(" ", "-")}.json`, import.meta.url);
  return existsSync(list) ? (JSON.parse(readFileSync(list, "utf8")) as Record<string, Failure>) : {};
}
