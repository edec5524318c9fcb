import { describe, expect, it } from "vitest";
import { allCells, labelsOf, nameOf } from "./cells.ts";
import type { Cell } from "./cells.ts";
import { runCell } from "./run-cell.ts";
import { samplePairs } from "./sampling.ts";
import type { Stacking } from "./stackings.ts";
import { violations } from "./violations.ts";

export interface MatrixOptions {
  /** Names the process in which the cells run. */
  readonly name: string;
  readonly stackings: readonly Stacking[];
  /** Each three dimensions of which all triples of values are to occur, beside all pairs. */
  readonly triples?: readonly (readonly (keyof Cell)[])[];
  /** Called when the SDK of a cell has been registered. */
  readonly onSdkStarted?: () => void;
}

// Set by main.ts.
const isFull = process.env["POLICY_MATRIX"] === "full";

/** Defines a test for each cell: for a sample of all combinations, or for all. */
export function policyMatrix({ name, stackings, triples = [], onSdkStarted }: MatrixOptions): void {
  const all = allCells(stackings);
  const cells = isFull ? all : samplePairs(all, labelsOf, triples);

  describe(`policy matrix, ${name}`, () => {
    it.each(cells.map((cell): [title: string, cell: Cell] => [nameOf(cell), cell]))("%s", async (_, cell) => {
      expect(violations(cell, await runCell(cell, onSdkStarted))).toEqual([]);
    });
  });
}
