// Runs the packed package on Node, Bun, Deno, workerd and in Chromium: `npm run test:runtimes`, or with names for some of them.
import { checksOf } from "../apps/checks.ts";
import type { Check, Outcome } from "../apps/checks.ts";
import { startServer } from "../apps/process.ts";
import type { Running } from "../apps/process.ts";
import { verifyChain } from "./chain.ts";
import { verifyBindings } from "./bindings.ts";
import { verifyBrowser } from "./browser.ts";
import { startCollector } from "./collector.ts";
import { verifyDenoTracing } from "./deno-tracing.ts";
import { RUNTIMES, denoOf, verifyClients } from "./runtimes.ts";
import type { Runtime } from "./runtimes.ts";
import { verifyServer } from "./server-checks.ts";
import { stage } from "./stage.ts";

const known = [...RUNTIMES.map(({ name }) => name), "deno-otel", "bindings", "chromium"];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no runtime ${unknown.join(", ")}; the runtimes are ${known.join(", ")}.`);
  process.exit(2);
}

const outcomes: Outcome[] = [];
const missing: string[] = [];
const begun = performance.now();
const cwd = await stage();
const collector = await startCollector();
const agent = await startServer(process.execPath, ["agent.mjs"], { cwd });
const services = new Map<string, Running>();
try {
  for (const runtime of RUNTIMES) {
    const check = checksOf(runtime.name, tell);
    // What cannot start is one check that has failed; the others go on.
    if (isWanted(runtime.name)) await check("starts, and runs the checks", () => verify(runtime, check));
  }
  if (isWanted("deno-otel")) {
    const program = denoOf(cwd);
    const check = checksOf("deno-otel", tell);
    if (program === undefined) lack("deno-otel", "no deno for this system; DENO may name its program");
    else await check("starts, and runs the checks", () => verifyDenoTracing({ program, cwd, agent, collector, check }));
  }
  if (isWanted("bindings")) {
    const check = checksOf("bindings", tell);
    await check("starts, and runs the checks", () => verifyBindings(cwd, check));
  }
  if (services.size > 0) {
    const check = checksOf("chain", tell);
    await check("one trace from each to the Node agent and on", () => verifyChain(services, agent, collector));
  }
  if (isWanted("chromium")) {
    const reason = await verifyBrowser({ cwd, agent, collector, check: checksOf("chromium", tell), tell });
    if (reason !== undefined) lack("chromium", reason);
  }
} finally {
  collector.close();
  await Promise.all([agent, ...services.values()].map((running) => running.stop()));
}

const failed = outcomes.filter(({ problem }) => problem !== undefined);
console.log(`\n${outcomes.length - failed.length} of ${outcomes.length} checks passed in ${seconds(performance.now() - begun)}`);
for (const line of missing) console.log(`NOT RUN: ${line}`);
if (failed.length > 0 || outcomes.length === 0) process.exitCode = 1;

async function verify(runtime: Runtime, check: Check): Promise<string> {
  const { name } = runtime;
  const running = name === "node" ? agent : await runtime.start(cwd);
  if (running === undefined) {
    lack(name, `no ${name} for this system; ${name.toUpperCase()} may name its program`);
    return "NOT RUN";
  }
  if (running !== agent) services.set(name, running);
  for (const outcome of await verifyClients(name, running.url, agent.url)) tell(outcome);
  if (running !== agent) await verifyServer(runtime, running, collector, check);
  return "";
}

function isWanted(name: string): boolean {
  return asked.length === 0 || asked.includes(name);
}

/** A runtime that is not there is a failure only for who has asked for it. */
function lack(name: string, reason: string): void {
  missing.push(`${name}: ${reason}`);
  if (asked.includes(name)) process.exitCode = 1;
}

function tell(outcome: Outcome): void {
  outcomes.push(outcome);
  const { app, what, problem, note, milliseconds } = outcome;
  const result = problem === undefined ? "ok" : "FAILED";
  console.log(`${app.padEnd(9)} ${what.padEnd(104)} ${result.padEnd(6)} ${seconds(milliseconds).padStart(6)}  ${note}`.trimEnd());
  if (problem !== undefined) console.log(problem.replace(/^/gm, "    "));
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
