import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

// Bytes, compressed with brotli, of what a subpath loads of our own: its file and all that this imports, directly or not, as it is published
// (neither bundled nor minified, so this is more than what a bundler makes of it), each file compressed by itself. OpenTelemetry and the clients
// are the application's own and are not in it. A budget is what was measured, with a little headroom.
const BUDGETS: Record<string, number> = {
  ".": 10_200,
  "./setup": 9_200,
  "./register": 32_200,
  "./fetch": 30_900,
  "./undici": 29_100,
  "./axios": 32_600,
  "./got": 26_100,
  "./server/node": 21_900,
  "./server/express": 22_700,
  "./server/fastify": 22_900,
  "./server/web": 28_900,
  "./a2a": 28_900,
  "./diagnostics": 10_200,
};

interface Check {
  readonly name: string;
  readonly path: readonly string[];
  readonly limit: string;
}

const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, string> };

const checks: Check[] = Object.entries(exports)
  .filter(([, file]) => file.endsWith(".js"))
  .map(([subpath, file]) => ({ name: join("a2a-otel", subpath), path: [...loadedBy(file)], limit: `${budgetOf(subpath)} B` }));

function budgetOf(subpath: string): number {
  const budget = BUDGETS[subpath];
  if (budget === undefined) throw new Error(`size-limit.config.ts: ${subpath} has no budget`);
  return budget;
}

/** A file, and what it imports of its own package. */
function loadedBy(file: string, loaded: Set<string> = new Set()): Set<string> {
  if (loaded.has(file)) return loaded;
  loaded.add(file);
  for (const [, imported] of readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^"';]*["'](\.[^"']+)["']/gm)) {
    if (imported !== undefined) loadedBy(join(dirname(file), imported), loaded);
  }
  return loaded;
}

export default checks;
