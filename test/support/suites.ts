/** The test suites, which are projects of Vitest. `npm test` runs those that take milliseconds per test; `npm run test:long` runs the others. */
export interface Suite {
  readonly name: string;
  /** Globs of test files. A file belongs to the first suite that it matches. */
  readonly include: readonly string[];
  readonly isLong: boolean;
}

export const SUITES: readonly Suite[] = [
  { name: "chaos", isLong: true, include: ["test/chaos/**/*.test.ts"] },
  { name: "policy-matrix", isLong: true, include: ["test/policy-matrix/**/*.test.ts"] },
  { name: "browser", isLong: true, include: ["tools/test/view/*.chromium.test.ts"] },
  { name: "demo", isLong: true, include: ["test/demo.test.ts", "test/demo/processes.test.ts"] },
  { name: "package", isLong: true, include: ["test/package.test.ts", "tools/test/package.test.ts"] },
  {
    name: "process",
    isLong: true,
    include: [
      "test/process/**/*.test.ts",
      "test/{register,docs,docs-alternatives,docs-backends}.test.ts",
      "test/a2a/processes.test.ts",
      "test/benchmarks/gate.test.ts",
      "tools/test/{cli,doctor/*,view/command}.test.ts",
    ],
  },
  {
    name: "adapters",
    isLong: false,
    include: ["test/{fetch,undici,axios,got,server,a2a,mcp,msw,foreign}/**/*.test.ts"],
  },
  { name: "contract", isLong: false, include: ["test/*.test.ts"] },
  { name: "unit", isLong: false, include: ["test/**/*.test.ts", "tools/test/**/*.test.ts"] },
];

/** The globs that belong to the suites before the given one. */
export function excludedFrom(suite: Suite): string[] {
  return SUITES.slice(0, SUITES.indexOf(suite)).flatMap(({ include }) => include);
}
