// npm run test:policy-matrix: which headers leave to which host, over the clients, their stackings, policies, redirects and SDKs.
//
//   npm run test:policy-matrix                                the sample that `npm run test:long` runs
//   npm run test:policy-matrix -- --full                      all combinations (hours)
//   npm run test:policy-matrix -- --full "got \| no options"  those whose name matches
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { full: { type: "boolean", default: false } } });
const project = fileURLToPath(new URL("../../", import.meta.url));
const pattern = positionals.length === 0 ? [] : ["--testNamePattern", positionals.join(" ")];
const args = [`${project}node_modules/vitest/vitest.mjs`, "run", "test/policy-matrix", ...pattern];
const env = { ...process.env, POLICY_MATRIX: values.full ? "full" : "" };
process.exitCode = spawnSync(process.execPath, args, { cwd: project, env, stdio: "inherit" }).status ?? 1;
