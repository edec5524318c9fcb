/** What was put in place, with what takes it away again. */
export interface Retained {
  count: number;
  readonly remove: () => void;
}

/**
 * Counts one more owner of something that was instrumented in place, and returns the function by which this owner undoes it: it goes when the last
 * one has. What another copy of the package put there is that copy's own.
 */
export function retain(owned: Retained | undefined): () => void {
  if (owned === undefined) return () => {};
  owned.count++;
  let undone = false;
  return () => {
    if (undone) return;
    undone = true;
    if (--owned.count === 0) owned.remove();
  };
}
