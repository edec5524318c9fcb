/**
 * `npm run test:foreign`: runs checks written from the documentation of clients, servers and SDKs, and the test suite that fastify publishes, without this library
 * and with it, and compares the results. `-- --update` writes the table of docs/support.md. Fails if a test passes without the library and fails with it, unless
 * `EXPLANATIONS` says why.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startTelemetry } from "../../support/telemetry.ts";
import { a2aSuite } from "./a2a.ts";
import { axiosFetchSuite, axiosSuite } from "./axios.ts";
import { runFastifySuite } from "./fastify-published.ts";
import { fetchSuite } from "./fetch.ts";
import { gotSuite } from "./got.ts";
import { httpSuite } from "./http.ts";
import { mcpSuite } from "./mcp.ts";
import { serverSuites } from "./servers.ts";
import { runSuite } from "./suite.ts";
import type { Result } from "./suite.ts";
import { undiciSuite } from "./undici.ts";
import { differences, table, withTable } from "./table.ts";

const telemetry = startTelemetry();
const results: Result[] = [
  ...(await runSuite(fetchSuite)),
  ...(await runSuite(undiciSuite)),
  ...(await runSuite(axiosSuite)),
  ...(await runSuite(axiosFetchSuite)),
  ...(await runSuite(gotSuite)),
  ...(await runSuite(httpSuite)),
  ...(await runSuite(a2aSuite)),
  ...(await runSuite(mcpSuite)),
];
for (const suite of serverSuites) results.push(...(await runSuite(suite))); // oxlint-disable-line no-await-in-loop -- one suite after another
await telemetry.stop();
results.push(...(await runFastifySuite()));

console.log(table(results));
const found = differences(results);
for (const { suite, variant, test, without, withIt, explanation } of found) {
  console.log(
    `${suite}, ${variant}: ${test}\n  without: ${without ?? "passes"}\n  with: ${withIt ?? "passes"}\n  ${explanation ?? "UNEXPLAINED"}`,
  );
}
if (process.argv.includes("--verbose")) {
  for (const { suite, variant, outcomes } of results)
    for (const [test, message] of outcomes) if (message !== undefined) console.log(`${suite}, ${variant}: ${test}: ${message}`);
}
if (process.argv.includes("--update")) {
  const file = fileURLToPath(new URL("../../../docs/support.md", import.meta.url));
  writeFileSync(file, withTable(readFileSync(file, "utf8"), results));
}
process.exit(found.some(({ explanation }) => explanation === undefined) ? 1 : 0);
