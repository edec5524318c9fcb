import type { Subject } from "../scenarios/scenario.ts";

/**
 * Two implementations of the same thing: one that is clever, and the obvious one that it replaces. Each file of this folder exports one as
 * `comparison`, and `npm run bench:micro -- <file name>` measures it.
 */
export interface Comparison {
  /** What the clever implementation does differently, in one sentence. */
  readonly description: string;
  /** Runs the clever implementation once. It must return something that depends on the work. */
  readonly clever: () => unknown;
  /** Runs the obvious implementation once, on the same input. */
  readonly obvious: () => unknown;
  /** How many times one traced call runs this code. Default: 1. */
  readonly usesPerCall?: number;
  /** The traced call whose own time the gain is compared with. Default: `"fetch"`. */
  readonly call?: Subject;
}
