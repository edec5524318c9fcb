import { array, assert, integer, property, tuple } from "fast-check";
import { expect, it } from "vitest";
import { subtract, totalLength, union } from "../../src/view/model/intervals.ts";
import type { Interval } from "../../src/view/model/intervals.ts";

const intervals = array(
  tuple(integer({ min: 0, max: 30 }), integer({ min: 0, max: 8 })).map(([from, lasts]): Interval => [from, from + lasts]),
);

/** The whole numbers of which the following unit of time is in one of the intervals. */
const units = (some: readonly Interval[]): Set<number> =>
  new Set(some.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index)));

it("union() merges overlapping and adjacent intervals and sorts them", () => {
  assert(
    property(intervals, (some) => {
      const merged = union(some);
      expect(units(merged)).toEqual(units(merged.toSorted(([a], [b]) => a - b)));
      expect([...units(merged)].toSorted((a, b) => a - b)).toEqual([...units(some)].toSorted((a, b) => a - b));
      expect(totalLength(merged)).toBe(units(some).size);
      for (const [index, [from, to]] of merged.entries()) {
        expect(from).toBeLessThan(to);
        expect(from).toBeGreaterThan(index === 0 ? -1 : (merged[index - 1]?.[1] ?? Infinity));
      }
    }),
  );
});

it("subtract() removes parts", () => {
  assert(
    property(intervals, intervals, (some, others) => {
      const left = subtract(union(some), union(others));
      const taken = units(others);
      const expected = new Set([...units(some)].filter((unit) => !taken.has(unit)));
      expect(totalLength(left)).toBe(expected.size);
      expect([...units(left)].toSorted((a, b) => a - b)).toEqual([...expected].toSorted((a, b) => a - b));
      for (const [from, to] of left) expect(from).toBeLessThan(to);
    }),
  );
});
