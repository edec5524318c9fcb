import { describe, expect, it } from "vitest";
import { estimateCost } from "../../benchmarks/measure/cost.ts";
import type { Rounds } from "../../benchmarks/measure/rounds.ts";
import { combineEstimates, estimateMedian, median, quantile, quietestTenth } from "../../benchmarks/measure/statistics.ts";

describe("median", () => {
  it("is the mean of the two middle values of an even number of values", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

describe("quantile", () => {
  it("interpolates between neighbouring values", () => {
    expect(quantile([0, 10, 20, 30, 40], 0.99)).toBeCloseTo(39.6);
  });
});

describe("quietestTenth", () => {
  it("is the mean of the lowest tenth of the values", () => {
    const values = Array.from({ length: 20 }, (_, i) => 20 - i);
    expect(quietestTenth(values)).toBe(1.5);
  });

  it("uses at least one value", () => {
    expect(quietestTenth([7, 5, 6])).toBe(5);
  });

  it("does not change when most of the values become slower", () => {
    const values = Array.from({ length: 200 }, (_, i) => 3 + (i % 10) / 100);
    const slowed = values.map((value, i) => (i % 10 < 8 ? value : value * 5));
    expect(quietestTenth(slowed)).toBeCloseTo(quietestTenth(values), 5);
  });
});

describe("estimateMedian", () => {
  it("is not affected by a few outliers", () => {
    const steady = Array.from({ length: 200 }, (_, i) => 3 + (i % 10) / 100);
    const withOutliers = steady.map((value, i) => (i % 20 === 0 ? value * 50 : value));
    expect(estimateMedian(withOutliers).value).toBeCloseTo(estimateMedian(steady).value, 1);
    expect(estimateMedian(withOutliers).high).toBeLessThan(3.1);
  });

  it("has an interval that contains the true median in about 99 of 100 measurements", () => {
    const estimates = Array.from({ length: 300 }, () => estimateMedian(Array.from({ length: 60 }, Math.random)));
    const containing = estimates.filter(({ low, high }) => low <= 0.5 && high >= 0.5);
    expect(containing.length).toBeGreaterThan(285);
  });
});

describe("combineEstimates", () => {
  it("returns the median of the values and the hull of the intervals", () => {
    const estimates = [
      { value: 1.2, low: 1.1, high: 1.3 },
      { value: 1.4, low: 1.35, high: 1.5 },
      { value: 1.3, low: 1.25, high: 1.35 },
    ];
    expect(combineEstimates(estimates)).toEqual({ value: 1.3, low: 1.1, high: 1.5 });
  });
});

describe("estimateCost", () => {
  /** Rounds of 1, 4 and 5 us with up to 1 % of noise. In a share of the rounds another process slows down all variants. */
  function simulateRounds(busyShare: number): Rounds {
    const noisy = (time: number, isBusy: boolean): number => time * (1 + Math.random() / 100) * (isBusy ? 1.5 + Math.random() : 1);
    const rounds: Rounds = { untraced: [], baseline: [], traced: [] };
    for (let i = 0; i < 400; i++) {
      const isBusy = Math.random() < busyShare;
      rounds.untraced.push(noisy(1, isBusy));
      rounds.baseline.push(noisy(4, isBusy));
      rounds.traced.push(noisy(5, isBusy));
    }
    return rounds;
  }

  it.each([0, 0.5, 0.8])("finds the same cost if other processes slow down a share of %d of the rounds", (busyShare) => {
    const { own, baseline, ratio } = estimateCost(simulateRounds(busyShare));
    expect(own.value).toBeCloseTo(4, 1);
    expect(baseline).toBeCloseTo(3, 1);
    expect(ratio.value).toBeCloseTo(1.333, 1);
  });

  it("has a ratio interval that is narrow and contains the ratio", () => {
    const { ratio } = estimateCost(simulateRounds(0.5));
    expect(ratio.low).toBeLessThanOrEqual(ratio.value);
    expect(ratio.high).toBeGreaterThanOrEqual(ratio.value);
    expect(ratio.high - ratio.low).toBeLessThan(0.05);
  });
});
