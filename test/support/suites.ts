/**
 * The test suites, which are projects of Vitest. `npm test` runs those that take milliseconds per test; `npm run test:long` runs the others.
 *
 * A new file needs no change here: its folder and its name decide. A file that changes the process for good (it registers another instrumentation, replaces a
 * module's functions, or depends on what was loaded before) has `isolated`, `coexistence`, `beside`, `before`, `after`, `foreign` or `otel` in its name.
 */
export interface Suite {
  readonly name: string;
  /** Globs of test files. A file belongs to the first suite that it matches. */
  readonly include: readonly string[];
  readonly isLong: boolean;
  /** Whether each file runs in a process of its own. The files of the other suites share processes, which `shared-process.ts` checks and resets. */
  readonly isIsolated: boolean;
}

const long = { isLong: true, isIsolated: true };
const shared = { isLong: false, isIsolated: false };

export const SUITES: readonly Suite[] = [
  { name: "chaos", ...long, include: ["test/chaos/**/*.test.ts"] },
  { name: "policy-matrix", ...long, include: ["test/policy-matrix/**/*.test.ts"] },
  { name: "browser", ...long, include: ["tools/test/**/*.chromium.test.ts", "test/**/*.chromium.test.ts"] },
  { name: "demo", ...long, include: ["test/demo.test.ts", "test/demo/processes.test.ts"] },
  { name: "package", ...long, include: ["test/package.test.ts", "tools/test/package.test.ts"] },
  {
    name: "process",
    ...long,
    include: [
      "test/process/**/*.test.ts",
      "test/{register,docs,docs-*}.test.ts",
      "test/**/*process*.test.ts",
      "test/benchmarks/gate.test.ts",
      "tools/test/{cli,doctor/**/*,view/command}.test.ts",
    ],
  },
  {
    name: "random",
    ...long,
    include: ["test/properties/**/*.test.ts", "test/{fuzz,fast-paths}.test.ts", "test/**/*random*.test.ts"],
  },
  {
    name: "isolated",
    isLong: false,
    isIsolated: true,
    include: [
      "test/{msw,foreign}/**/*.test.ts",
      "{test,tools/test}/**/*{isolated,coexistence,beside,before,after,foreign,otel}*.test.ts",
      "test/{browser,diagnostics}.test.ts",
      "test/axios/callbacks.test.ts",
      "test/fetch/{edge,tap}.test.ts",
    ],
  },
  { name: "contract", ...shared, include: ["test/*.test.ts"] },
  { name: "unit", ...shared, include: ["test/{core,benchmarks,contributing,demo,soak}/**/*.test.ts", "tools/test/**/*.test.ts"] },
  { name: "adapters", ...shared, include: ["test/**/*.test.ts"] },
];

/** The globs that belong to the suites before the given one. */
export function excludedFrom(suite: Suite): string[] {
  return SUITES.slice(0, SUITES.indexOf(suite)).flatMap(({ include }) => include);
}
