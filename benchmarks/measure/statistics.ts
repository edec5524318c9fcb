/** An estimated value, with the interval that contains the true value in about 99 of 100 measurements. */
export interface Estimate {
  readonly value: number;
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

/**
 * The mean of the lowest tenth of the values. Other processes can only make a round slower: they evict its caches, lower the clock frequency and
 * occupy the other hardware thread. The lowest tenth is therefore the same on an idle machine and on a busy one.
 */
export function quietestTenth(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).toSorted();
  const count = Math.ceil(sorted.length / 10);
  return sorted.subarray(0, count).reduce((sum, value) => sum + value, 0) / count;
}

/** The median with its interval from order statistics, which assumes nothing about the distribution. */
export function estimateMedian(values: readonly number[]): Estimate {
  const margin = (2.576 * Math.sqrt(values.length)) / 2 / Math.max(1, values.length);
  return {
    value: median(values),
    low: quantile(values, Math.max(0, 0.5 - margin)),
    high: quantile(values, Math.min(1, 0.5 + margin)),
  };
}

/** Combines the estimates of several processes: the median of their values, and the hull of their intervals. */
export function combineEstimates(estimates: readonly Estimate[]): Estimate {
  return {
    value: median(estimates.map((each) => each.value)),
    low: Math.min(...estimates.map((each) => each.low)),
    high: Math.max(...estimates.map((each) => each.high)),
  };
}
