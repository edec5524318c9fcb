/** Something that was instrumented in place, with the function that undoes it. */
export interface Retained {
  count: number;
  readonly remove: () => void;
}

/**
 * Adds an owner to something that was instrumented in place, and returns the function with which this owner undoes it. It is removed when its last owner
 * has undone it. Undefined stands for an instrumentation of another copy of this package, which this copy does not remove.
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
