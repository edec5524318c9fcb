// @ts-check
/**
 * Mutation testing of the core: `npm run test:mutation`, or of one file with `-- --mutate src/core/propagation/carrier.ts`. No gate; CONTRIBUTING.md has the score.
 *
 * @type {import("@stryker-mutator/core").PartialStrykerOptions}
 */
// oxlint-disable-next-line import/no-default-export -- it is how Stryker reads it
export default {
  testRunner: "vitest",
  vitest: { configFile: "test/mutation/vitest.config.ts", related: false },
  coverageAnalysis: "perTest",
  mutate: ["src/core/**/*.ts"],
  // Only what the tests need is copied for each worker; no tsconfig.json, which Stryker reads with an API that TypeScript 7 does not have.
  ignorePatterns: ["*", "!src/**", "!test/**", "test/apps", "test/matrix", "test/runtimes", "!package.json"],
  mutator: { excludedMutations: ["StringLiteral"] },
  concurrency: 2,
  timeoutMS: 10_000,
  reporters: ["progress-append-only", "clear-text", "html", "json"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
};
