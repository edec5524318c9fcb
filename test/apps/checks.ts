/** What came of one thing that was checked of an app. */
export interface Outcome {
  readonly app: string;
  readonly what: string;
  readonly problem: string | undefined;
  readonly note: string;
  readonly milliseconds: number;
}

/** Checks one thing: what `check` throws is a failure, a text that it returns is shown beside the result. */
export type Check = (what: string, check: () => Promise<string | void> | string | void) => Promise<void>;

/** An app, and how it is built, run and checked. */
export interface App {
  readonly name: string;
  /** Its folder, where that has another name. */
  readonly folder?: string;
  /** @param stage stages one more folder, and returns its path. */
  readonly verify: (cwd: string, check: Check, stage: (folder: string) => Promise<string>) => Promise<void>;
}

/** Makes the `check` of an app, which writes down what came of each. */
export function checksOf(app: string, tell: (outcome: Outcome) => void): Check {
  return async (what, check) => {
    const start = performance.now();
    let problem: string | undefined;
    let note = "";
    try {
      note = (await check()) ?? "";
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    tell({ app, what, problem, note, milliseconds: performance.now() - start });
  };
}
