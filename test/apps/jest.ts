import assert from "node:assert/strict";
import type { App } from "./checks.ts";
import { run } from "./process.ts";

/** A service whose own tests, in CommonJS, are run by Jest. */
export const jest: App = {
  name: "jest",
  verify: async (cwd, check) => {
    const passes = async (args: readonly string[]): Promise<void> => {
      const { code, stderr } = await run(process.execPath, args, { cwd });
      assert.match(stderr, /^Tests: +3 passed, 3 total$/m);
      assert.equal(code, 0);
    };
    const command = ["node_modules/jest/bin/jest.js", "--no-cache"];
    await check("loads the ES modules with --experimental-vm-modules", () => passes(["--experimental-vm-modules", ...command]));
    await check("loads what Babel makes of them", () => passes([...command, "--config", "jest.transformed.config.js"]));
  },
};
