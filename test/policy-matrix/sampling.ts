/**
 * Chooses combinations so that each pair of values that can meet does meet in one of them (pairwise testing). The choice is the same each time.
 *
 * @param labelsOf names the values of a combination by their dimensions.
 * @param triple three dimensions of which each triple of values is to meet as well.
 */
export function samplePairs<Cell>(
  cells: readonly Cell[],
  labelsOf: (cell: Cell) => Record<string, string>,
  triple: readonly string[] = [],
): Cell[] {
  const shuffled = shuffle(cells);
  const numbers = new Map<string, number>();
  const numberOf = (combination: string): number => {
    const number = numbers.get(combination) ?? numbers.size;
    numbers.set(combination, number);
    return number;
  };
  const covered = shuffled.map((cell) => combinationsOf(labelsOf(cell), triple).map(numberOf));
  const open = new Set(numbers.values());
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

function combinationsOf(labels: Record<string, string>, triple: readonly string[]): string[] {
  const values = Object.entries(labels).map(([dimension, label]) => `${dimension}: ${label}`);
  const pairs = values.flatMap((one, index) => values.slice(index + 1).map((other) => `${one}; ${other}`));
  return triple.length === 0 ? pairs : [...pairs, triple.map((dimension) => labels[dimension]).join("; ")];
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
