/** Does the work for one item after another. */
export async function inOrder<Item>(items: Iterable<Item>, work: (item: Item) => unknown): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- one after another, or they would disturb each other
  for (const item of items) await work(item);
}

/** 0, 1, 2 ... below `count`. */
export function times(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
