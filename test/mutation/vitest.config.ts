import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

/** The tests that mutants of the core are put to: those that know it best and take milliseconds, mostly through what its files export. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: [
      "test/core/**/*.test.ts",
      "test/{a2a-recognition,continue-trace,environment,propagation}.test.ts",
      "test/server/client-address.test.ts",
    ],
    exclude: ["test/core/{http/bounded-cache-memory,architecture}.test.ts"],
    testTimeout: 15_000,
  },
});

export default config;
