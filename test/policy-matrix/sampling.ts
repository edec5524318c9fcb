/**
 * Chooses combinations so that each pair of values that can meet does meet in one of them (pairwise testing). The choice is the same each time.
 *
 * @param labelsOf names the values of a combination by their dimensions.
 * @param triples each three dimensions of which all triples of values are to meet as well.
 */
export function samplePairs<Cell>(
  cells: readonly Cell[],
  labelsOf: (cell: Cell) => Record<string, string>,
  triples: readonly (readonly string[])[] = [],
): Cell[] {
  const shuffled = shuffle(cells);
  const numbers = new Map<string, number>();
  const covered = shuffled.map((cell) => combinationsOf(labelsOf(cell), triples, numbers));
  const open = new Set(covered.flat());
  const chosen: Cell[] = [];
  // Greedy, without a search for the best: what covers much is taken first, what covers a single combination last.
  for (let least = covered[0]?.length ?? 0; open.size > 0; least = Math.max(1, Math.floor(least * 0.8))) {
    covered.forEach((combinations, index) => {
      let count = 0;
      for (const combination of combinations) if (open.has(combination)) count++;
      if (count < least) return;
      for (const combination of combinations) open.delete(combination);
      chosen.push(shuffled[index] as Cell);
    });
  }
  return chosen;
}

// More than there are values in all dimensions together.
const RADIX = 1000;

/** The pairs and triples in a combination, as numbers, since there are millions of them. */
function combinationsOf(
  labels: Record<string, string>,
  triples: readonly (readonly string[])[],
  numbers: Map<string, number>,
): number[] {
  const values = Object.entries(labels).map(([dimension, label]) => numberOf(`${dimension}: ${label}`, numbers));
  const byDimension = new Map(Object.keys(labels).map((dimension, index) => [dimension, values[index] as number]));
  const combinations: number[] = [];
  values.forEach((one, index) => {
    for (let other = index + 1; other < values.length; other++) combinations.push(one * RADIX + (values[other] as number));
  });
  for (const dimensions of triples) {
    combinations.push(dimensions.reduce((sum, dimension) => sum * RADIX + (byDimension.get(dimension) ?? 0), 0));
  }
  return combinations;
}

/** A number for each label, from 1. */
function numberOf(label: string, numbers: Map<string, number>): number {
  const number = numbers.get(label) ?? numbers.size + 1;
  numbers.set(label, number);
  return number;
}

/** Shuffles by a generator with a fixed seed (a linear congruential generator, with the constants of Numerical Recipes). */
function shuffle<Value>(values: readonly Value[]): Value[] {
  let seed = 1;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  const shuffled = [...values];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [shuffled[last], shuffled[other]] = [shuffled[other] as Value, shuffled[last] as Value];
  }
  return shuffled;
}
