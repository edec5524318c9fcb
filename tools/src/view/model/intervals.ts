/** A stretch of time, from and to. */
export type Interval = readonly [number, number];

/** The same time without overlaps, in order. */
export function union(intervals: Iterable<Interval>): Interval[] {
  const merged: [number, number][] = [];
  for (const [from, to] of [...intervals].toSorted(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else if (to > from) merged.push([from, to]);
  }
  return merged;
}

/** What is left of `whole` without `parts`; both as `union` returns them. */
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

/** The time in all, of what `union` or `subtract` returned. */
export function length(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [from, to]) => sum + to - from, 0);
}
