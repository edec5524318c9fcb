import { describe, expect, test } from "vitest";
import { estimate, median, quantile, together } from "../../benchmarks/measure/statistics.ts";

describe("statistics", () => {
  test("a median of an even number of values lies between the two in the middle", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test("a quantile lies between its neighbours in proportion", () => {
    expect(quantile([0, 10, 20, 30, 40], 0.99)).toBeCloseTo(39.6);
  });

  test("a few wild rounds move neither the median nor its interval", () => {
    const steady = Array.from({ length: 200 }, (_, i) => 3 + (i % 10) / 100);
    const wild = steady.map((value, i) => (i % 20 === 0 ? value * 50 : value));
    expect(estimate(wild).median).toBeCloseTo(estimate(steady).median, 1);
    expect(estimate(wild).high).toBeLessThan(3.1);
  });

  test("the interval holds the true median 99 times of 100", () => {
    const held = Array.from({ length: 300 }, () => estimate(Array.from({ length: 60 }, Math.random))).filter(
      ({ low, high }) => low <= 0.5 && high >= 0.5,
    );
    expect(held.length).toBeGreaterThan(285);
  });

  test("several processes hold possible what any of them does", () => {
    const estimates = [
      { median: 1.2, low: 1.1, high: 1.3 },
      { median: 1.4, low: 1.35, high: 1.5 },
      { median: 1.3, low: 1.25, high: 1.35 },
    ];
    expect(together(estimates)).toEqual({ median: 1.3, low: 1.1, high: 1.5 });
  });
});
