import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/build.ts"],
    testTimeout: 15_000,
    execArgv: ["--expose-gc"],
    coverage: {
      provider: "v8",
      include: ["src/**/*.{ts,cts}"],
      // What runs elsewhere than in the tests' own process, where nothing counts it.
      exclude: [
        "src/view/browser/**", // in Chromium: test/view/*.chromium.test.ts
        "src/{cli,register}.ts", // in processes of their own, as users start them: test/cli.test.ts, test/register.test.ts
        "src/view/command.ts", // likewise: test/view/command.test.ts
        "src/doctor/**", // in the apps that it looks into: test/doctor/*.test.ts
      ],
      reporter: ["text-summary", "json", "html"],
      thresholds: {
        "src/core/**": { lines: 100, branches: 100, functions: 100, statements: 100 },
        "src/{*.ts,!(core)/**}": { lines: 95, branches: 95 },
      },
    },
  },
});

export default config;
