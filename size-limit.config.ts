import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadedFiles } from "./scripts/loaded-files.ts";

// The size of each subpath in bytes: its file and all files of this package that it imports, directly or not. Each file is compressed with brotli by itself,
// as it is published (not minified, and with what only other entries use of the shared chunks, so a bundler's result is smaller). OpenTelemetry and the clients belong to the application and are not
// counted. A budget is the measured size plus about 5 %.
const BUDGETS: Record<string, number> = {
  ".": 23_200,
  "./setup": 22_700,
  "./register": 41_500,
  "./fetch": 36_800,
  "./undici": 37_000,
  "./axios": 39_800,
  "./got": 36_600,
  "./node": 37_100,
  "./server/node": 29_100,
  "./server/express": 29_700,
  "./server/fastify": 30_700,
  "./server/koa": 29_900,
  "./server/web": 32_400,
  "./a2a": 28_900,
  "./mcp": 29_800,
  "./diagnostics": 23_000,
};

interface Check {
  readonly name: string;
  readonly path: readonly string[];
  readonly limit: string;
}

const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, string> };

const checks: Check[] = Object.entries(exports)
  .filter(([, file]) => file.endsWith(".js"))
  .map(([subpath, file]) => ({ name: join("a2a-otel", subpath), path: [...loadedFiles(file)], limit: `${budgetOf(subpath)} B` }));

function budgetOf(subpath: string): number {
  const budget = BUDGETS[subpath];
  if (budget === undefined) throw new Error(`size-limit.config.ts: ${subpath} has no budget`);
  return budget;
}

export default checks;
