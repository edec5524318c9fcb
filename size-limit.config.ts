import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

// Bytes, compressed with brotli, of what a subpath loads of our own: its file and all that this imports, directly or not, as it is published
// (neither bundled nor minified, so this is more than what a bundler makes of it), each file compressed by itself. OpenTelemetry and the clients
// are the application's own and are not in it. A budget is what was measured, with a little headroom.
const BUDGETS: Record<string, number> = {
  ".": 12500_500,
  "./setup": 11000,
  "./register": 41000_500,
  "./fetch": 39500_000,
  "./undici": 37000_500,
  "./axios": 42500_000,
  "./got": 33500_000,
  "./server/node": 26500_500,
  "./server/express": 28000_000,
  "./a2a": 38000_000,
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
