import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadedFiles } from "./scripts/loaded-files.ts";

// The size of each subpath in bytes: its file and all files of this package that it imports, directly or not. Each file is compressed with brotli by itself,
// as it is published (not minified, and with what only other entries use of the shared chunks, so a bundler's result is smaller). OpenTelemetry and the clients belong to the application and are not
// counted. A budget is the measured size plus about 5 %.
const BUDGETS: Record<string, number> = {
  ".": 17_900,
  "./setup": 16_400,
  "./register": 30_200,
  "./fetch": 29_600,
  "./undici": 29_500,
  "./axios": 32_100,
  "./got": 29_000,
  "./node": 34_000,
  "./server/node": 22_000,
  "./server/express": 22_800,
  "./server/fastify": 23_700,
  "./server/koa": 24_600,
  "./server/web": 25_600,
  "./a2a": 21_700,
  "./mcp": 26_400,
  "./diagnostics": 16_600,
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
