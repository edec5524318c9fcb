import type { Rounds } from "./rounds.ts";
import { median, quantile, quietestTenth } from "./statistics.ts";
import type { Estimate } from "./statistics.ts";

/** What a call costs, in CPU microseconds. Unless stated otherwise, over the quietest tenth of the rounds of each variant. */
export interface Cost {
  readonly untraced: number;
  /** Time that the SDK baseline adds to the untraced call. */
  readonly baseline: number;
  /** Time that the library adds to the untraced call. */
  readonly own: Estimate;
  /** The library's time divided by the SDK baseline's. The variants were measured in the same rounds. */
  readonly ratio: Estimate;
  /** Time that the library adds at the median of all rounds. */
  readonly medianOwn: number;
}

const RESAMPLES = 200;

/** Estimates the cost. The intervals come from a bootstrap: the statistic is computed again for rounds drawn with replacement. */
export function estimateCost(rounds: Rounds): Cost {
  const { own, ratio, baseline } = quietestCost(rounds);
  const resampled = Array.from({ length: RESAMPLES }, () => quietestCost(resample(rounds)));
  return {
    untraced: quietestTenth(rounds.untraced),
    baseline,
    own: withInterval(
      own,
      resampled.map((each) => each.own),
    ),
    ratio: withInterval(
      ratio,
      resampled.map((each) => each.ratio),
    ),
    medianOwn: median(rounds.traced.map((time, i) => time - (rounds.untraced[i] as number))),
  };
}

interface QuietestCost {
  readonly own: number;
  readonly baseline: number;
  readonly ratio: number;
}

function quietestCost({ untraced, baseline, traced }: Record<keyof Rounds, ArrayLike<number>>): QuietestCost {
  const quietestUntraced = quietestTenth(untraced);
  const own = quietestTenth(traced) - quietestUntraced;
  const ofBaseline = quietestTenth(baseline) - quietestUntraced;
  return { own, baseline: ofBaseline, ratio: own / ofBaseline };
}

/** Draws whole rounds, so that the three variants of a round stay together. */
function resample({ untraced, baseline, traced }: Rounds): Record<keyof Rounds, Float64Array> {
  const count = untraced.length;
  const drawn = { untraced: new Float64Array(count), baseline: new Float64Array(count), traced: new Float64Array(count) };
  for (let i = 0; i < count; i++) {
    const round = Math.floor(Math.random() * count);
    drawn.untraced[i] = untraced[round] as number;
    drawn.baseline[i] = baseline[round] as number;
    drawn.traced[i] = traced[round] as number;
  }
  return drawn;
}

function withInterval(value: number, resampled: readonly number[]): Estimate {
  return { value, low: quantile(resampled, 0.005), high: quantile(resampled, 0.995) };
}
