import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";
import { installed } from "./installed.ts";

// The contract table of all clients, against the package and the peers that are installed in a cell of the matrix (see main.ts); and what
// reaches a server through the global fetch, which is another one in each version of Node.
const TESTS = "test/contract.test.ts,test/fetch/requests.test.ts";
const cell = process.env["A2A_OTEL_CELL"];
if (cell === undefined) throw new Error("A2A_OTEL_CELL names no cell: run `npm run test:matrix`");

const config: ViteUserConfig = defineConfig({
  plugins: [await installed(cell)],
  test: {
    include: (process.env["A2A_OTEL_TESTS"] ?? TESTS).split(","),
    server: { deps: { external: [/\/sdk-trace\.mjs$/] } },
    // A transformed test holds what its imports were resolved to: in another cell that is another file.
    fsModuleCache: false,
    testTimeout: 15_000,
    execArgv: ["--expose-gc"],
  },
});

export default config;
