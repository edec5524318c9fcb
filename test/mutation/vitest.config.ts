import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

/** The tests that mutants of the core are put to: those that know it best and are quick. None needs a build, another process or a browser. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: [
      "test/core/**/*.test.ts",
      "test/{a2a-recognition,continue-trace,policy,propagation}.test.ts",
      "test/fetch/{hooks,metrics,propagation,spans}.test.ts",
      "test/undici/{redirect-policy,spans}.test.ts",
      "test/server/{client-address,hooks,metrics,spans}.test.ts",
    ],
    exclude: ["test/core/{recent-memory,rooms}.test.ts"],
    testTimeout: 15_000,
  },
});

export default config;
