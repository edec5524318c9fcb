import { describe, expect, it } from "vitest";
import { cost, duration, many, money } from "../../src/view/model/format.ts";
import { scaleWindow, ticks, wholeTrace, clampWindow } from "../../src/view/browser/time-window.ts";

it.each([
  [0, "0 ms"],
  [0.000001, "0.00 µs"],
  [0.0123, "12.3 µs"],
  [0.9994, "999 µs"],
  [0.9996, "1.00 ms"],
  [9.994, "9.99 ms"],
  [9.996, "10.0 ms"],
  [99.96, "100 ms"],
  [999.4, "999 ms"],
  [999.6, "1.00 s"],
  [59_940, "59.9 s"],
  [59_960, "1 min 0 s"],
  [3_599_400, "59 min 59 s"],
  [3_599_600, "1 h 0 min"],
  [172_800_000, "2 days"],
  [1e15, "11,574,074 days"],
])("duration() formats %d milliseconds as %s", (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});

it("many() chooses the singular or the plural", () => {
  expect(many(0, "span")).toEqual("0 spans");
  expect(many(1, "span")).toEqual("1 span");
  expect(many(1200, "span")).toEqual("1,200 spans");
  expect(many(2, "index", "indices")).toEqual("2 indices");
});

describe("money() and cost()", () => {
  it.each([
    [{ USD: 0 }, "$0"],
    [{ USD: 1234.5 }, "$1,234.50"],
    [{ USD: 0.5 }, "$0.5000"],
    [{ USD: 0.000123 }, "$0.000123"],
    [{ USD: 0.00000001234 }, "$0.00000001"],
    [{ EUR: 2, USD: 0.25 }, "EUR 2.00 + $0.2500"],
  ])("formats %o as %s", (amounts, text) => {
    expect(money(amounts)).toBe(text);
  });

  it("never format an unknown cost as zero", () => {
    expect(cost({ cost: {}, unpriced: 2, requests: 2 })).toBe("unknown");
    expect(cost({ cost: { USD: 1 }, unpriced: 1, requests: 2 })).toBe("at least $1.00");
    expect(cost({ cost: { USD: 1 }, unpriced: 0, requests: 2 })).toBe("$1.00");
    expect(cost({ cost: { USD: 0 }, unpriced: 0, requests: 2 })).toBe("$0");
  });
});

describe("the time axis", () => {
  it("has a limited number of marks at round times", () => {
    expect(ticks({ from: 0, to: 283 }, 6)).toEqual([0, 50, 100, 150, 200, 250]);
    expect(ticks({ from: 0.1, to: 0.4 }, 4)).toEqual([0.1, 0.2, 0.3, 0.4]);
    expect(ticks({ from: 1234.5, to: 1234.6 }, 3)).toEqual([1234.5, 1234.55, 1234.6]);
    for (const to of [1e-6, 0.003, 7, 99, 1e5, 5e12]) {
      const marks = ticks({ from: 0, to }, 6);
      expect(marks.length).toBeGreaterThan(2);
      expect(marks.length).toBeLessThanOrEqual(7);
      expect(Math.max(...marks)).toBeLessThanOrEqual(to);
    }
  });

  it("keeps a window within the trace, with its width if possible", () => {
    expect(clampWindow({ from: -10, to: 20 }, 100)).toEqual({ from: 0, to: 30 });
    expect(clampWindow({ from: 90, to: 120 }, 100)).toEqual({ from: 70, to: 100 });
    expect(clampWindow({ from: -50, to: 500 }, 100)).toEqual({ from: 0, to: 100 });
    expect(clampWindow({ from: 50, to: 50 }, 100)).toEqual({ from: 50, to: 50.000001 });
  });

  it("zooms around a time", () => {
    expect(scaleWindow({ from: 0, to: 100 }, 0.5)).toEqual({ from: 25, to: 75 });
    expect(scaleWindow({ from: 25, to: 75 }, 2)).toEqual({ from: 0, to: 100 });
    expect(scaleWindow({ from: 0, to: 100 }, 0.5, 80)).toEqual({ from: 55, to: 105 });
  });

  it("has an axis for a trace with a duration of zero", () => {
    expect(wholeTrace(0)).toEqual({ from: 0, to: 1 });
  });
});
