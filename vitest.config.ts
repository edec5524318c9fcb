import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";
import { suiteReporter } from "./test/support/suite-reporter.ts";
import { SUITES, excludedFrom } from "./test/support/suites.ts";

const config: ViteUserConfig = defineConfig({
  test: {
    projects: SUITES.map((suite) => ({
      extends: true,
      test: {
        name: suite.name,
        include: [...suite.include],
        exclude: excludedFrom(suite),
        isolate: suite.isIsolated,
        setupFiles: suite.isIsolated ? [] : ["test/support/shared-process.ts"],
      },
    })),
    globalSetup: ["test/support/build.ts"],
    testTimeout: 15_000,
    execArgv: ["--expose-gc"],
    reporters: ["default", suiteReporter()],
    coverage: {
      provider: "v8",
      include: ["{src,tools/src}/**/*.{ts,cts}"],
      // What runs elsewhere than in the tests' own process, where nothing counts it.
      exclude: [
        "tools/src/view/browser/**", // in Chromium: tools/test/view/*.chromium.test.ts
        "src/register.ts", // in processes of its own, as users start it: test/register.test.ts
        "tools/src/cli.ts", // likewise: tools/test/cli.test.ts
        "tools/src/view/command.ts", // likewise: tools/test/view/command.test.ts
        "tools/src/doctor/**", // in the apps that it examines: tools/test/doctor/*.test.ts
      ],
      reporter: ["text-summary", "json", "html"],
      thresholds: {
        "src/core/**": { lines: 100, branches: 100, functions: 100, statements: 100 },
        "src/{*.ts,!(core)/**}": { lines: 95, branches: 95 },
        "tools/src/**": { lines: 95, branches: 95 },
      },
    },
  },
});

export default config;
