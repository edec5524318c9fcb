import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadedFiles } from "./scripts/loaded-files.ts";

// The size of each subpath in bytes: its file and all files of this package that it imports, directly or not. Each file is compressed with brotli by itself,
// as it is published (not minified, and with what only other entries use of the shared chunks, so a bundler's result is smaller). OpenTelemetry and the clients belong to the application and are not
// counted. A budget is the measured size plus about 5 %.
const BUDGETS: Record<string, number> = {
  ".": 21_600,
  "./setup": 21_100,
  "./register": 39_500,
  "./fetch": 35_000,
  "./undici": 35_200,
  "./axios": 38_000,
  "./got": 34_800,
  "./node": 35_200,
  "./server/node": 27_500,
  "./server/express": 28_100,
  "./server/fastify": 29_100,
  "./server/koa": 28_300,
  "./server/web": 30_800,
  "./a2a": 26_600,
  "./mcp": 28_200,
  "./diagnostics": 21_400,
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
