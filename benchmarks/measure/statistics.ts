/** A value that is the median of several, with the interval that its true value lies in, 99 times of 100. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (sorted.length - 1) * share;
  const lower = sorted[Math.floor(rank)];
  const upper = sorted[Math.ceil(rank)];
  if (lower === undefined || upper === undefined) return Number.NaN;
  return lower + (upper - lower) * (rank - Math.floor(rank));
}

/** The median with its interval from order statistics, which asks nothing of the distribution. */
export function estimate(values: readonly number[]): Estimate {
  const margin = (2.576 * Math.sqrt(values.length)) / 2 / Math.max(1, values.length);
  return {
    median: median(values),
    low: quantile(values, Math.max(0, 0.5 - margin)),
    high: quantile(values, Math.min(1, 0.5 + margin)),
  };
}

/** What several processes say together: the median of their medians, and all that any of them holds possible. */
export function together(estimates: readonly Estimate[]): Estimate {
  return {
    median: median(estimates.map((each) => each.median)),
    low: Math.min(...estimates.map((each) => each.low)),
    high: Math.max(...estimates.map((each) => each.high)),
  };
}
