/** A period of time: its start and its end. */
export type Interval = readonly [number, number];

/** Merges overlapping intervals; the result is sorted. */
export function union(intervals: Iterable<Interval>): Interval[] {
  const merged: [number, number][] = [];
  for (const [from, to] of [...intervals].toSorted(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else if (to > from) merged.push([from, to]);
  }
  return merged;
}

/** Removes `parts` from `whole`; both are results of `union`. */
export function subtract(whole: readonly Interval[], parts: readonly Interval[]): Interval[] {
  const left: Interval[] = [];
  let next = 0;
  for (const [from, to] of whole) {
    let at = from;
    while ((parts[next]?.[1] ?? Infinity) <= from) next++;
    for (let part = next; at < to; part++) {
      const [begin, end] = parts[part] ?? [to, to];
      if (begin > at) left.push([at, Math.min(begin, to)]);
      at = Math.max(at, end);
      if (begin >= to) break;
    }
  }
  return left;
}

/** The total duration of intervals that `union` or `subtract` returned. */
export function totalLength(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [from, to]) => sum + to - from, 0);
}
