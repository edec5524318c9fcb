import type { Result } from "./suite.ts";

/** Why a test has another result with the library, by suite and test. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  "fastify's own suite: pretty print - empty plugins": "prints the list of plugins, which has the added one",
  "fastify's own suite: pretty print - includeMeta, includeHooks": "prints the list of hooks, which has the added ones",
};

export interface Difference {
  readonly suite: string;
  readonly variant: string;
  readonly test: string;
  readonly without: string | undefined;
  readonly withIt: string | undefined;
  readonly explanation: string | undefined;
}

/** The tests that pass without the library and fail with it, or the reverse. */
export function differences(results: readonly Result[]): Difference[] {
  return pairs(results).flatMap(({ plain, traced }) =>
    [...traced.outcomes]
      .filter(([test, message]) => (message === undefined) !== (plain.outcomes.get(test) === undefined))
      .map(([test, message]) => ({
        suite: traced.suite,
        variant: traced.variant,
        test,
        without: plain.outcomes.get(test),
        withIt: message,
        explanation: EXPLANATIONS[`${traced.suite}: ${test}`],
      })),
  );
}

function pairs(results: readonly Result[]): { plain: Result; traced: Result }[] {
  return results
    .filter(({ variant }) => variant !== "without")
    .map((traced) => ({
      plain: results.find(({ suite, variant }) => suite === traced.suite && variant === "without") as Result,
      traced,
    }));
}

const passed = ({ outcomes }: Result): number => [...outcomes.values()].filter((message) => message === undefined).length;

/** One row for each suite and way of instrumenting. */
export function table(results: readonly Result[]): string {
  const rows = pairs(results).map(({ plain, traced }) => {
    const differing = differences([plain, traced]).map(({ test, explanation }) => `${test}: ${explanation ?? "unexplained"}`);
    const cells = [
      traced.suite,
      traced.source,
      traced.variant,
      `${passed(plain)} of ${plain.outcomes.size}`,
      `${passed(traced)} of ${traced.outcomes.size}`,
    ];
    return `| ${[...cells, differing.join("; ") || "none"].join(" | ")} |`;
  });
  return [
    "| package | tests written from | instrumented by | pass without | pass with | tests that differ |",
    `|${" --- |".repeat(6)}`,
    ...rows,
  ].join("\n");
}

const MARKS = /(?<=<!-- foreign suites -->\n)[\s\S]*?(?=<!-- end of foreign suites -->)/;

/** Returns docs/support.md with the table between its marks. */
export function withTable(page: string, results: readonly Result[]): string {
  if (!MARKS.test(page)) throw new Error("docs/support.md has no marks for the table");
  return page.replace(MARKS, () => `${table(results)}\n`);
}
