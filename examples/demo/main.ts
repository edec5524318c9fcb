import { startView } from "../../tools/src/view/server.ts";
import { AGENTS } from "./protocol.ts";
import { writeTracePage } from "./trace-page.ts";
import { startAgent } from "./processes.ts";
import type { AgentProcess } from "./processes.ts";
import { drawTrace } from "./tree.ts";
import { findProblems } from "./problems.ts";

/** Limit for the life of an agent's process, in milliseconds. */
const DEADLINE = 60_000;

// What `npx a2a-otel-cli view` runs too, on a free port.
const receiver = await startView({ port: 0, log: console.error });
const environment = { ...process.env, ...withoutProxy(), DEMO_RECEIVER: receiver.url };
const agents = AGENTS.map((name) => startAgent(name, new URL(`${name}.ts`, import.meta.url), environment, DEADLINE));
try {
  const [report] = await Promise.all([orchestrate(agents), ...agents.map((agent) => agent.ended)]);
  console.log(`${report}\n`);
  showTraces();
} catch (error) {
  console.error(`The demo failed: ${(error as Error).message}.`);
  process.exitCode = 1;
} finally {
  for (const agent of agents) agent.kill();
  await receiver.close();
}

/** Sends the agents each other's addresses, waits for the orchestrator's report, and stops the agents, which then export their spans. */
async function orchestrate(processes: readonly AgentProcess[]): Promise<string> {
  const addresses = await Promise.all(processes.map(async ({ name, url }) => [name, await url]));
  for (const agent of processes) agent.send({ peers: Object.fromEntries(addresses) });
  const report = await Promise.race(processes.map((agent) => agent.report));
  for (const agent of processes) agent.send({ stop: true });
  return report;
}

function showTraces(): void {
  const traces = receiver.store.traces();
  for (const { spans } of traces) console.log(`${drawTrace(spans)}\n`);
  const all = traces.flatMap(({ spans }) => spans);
  const problems = findProblems(all, AGENTS);
  if (problems.length === 0) {
    console.log(`All ${all.length} spans of ${AGENTS.length} processes have the same trace id.`);
  } else {
    console.error(`This is not one trace:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
    process.exitCode = 1;
  }
  const [largest] = traces.toSorted((a, b) => b.spans.length - a.spans.length);
  if (largest !== undefined) console.log(`Open the trace in a browser: ${writeTracePage(largest)}`);
}

/** Excludes loopback from `HTTP_PROXY`, which some clients respect. */
function withoutProxy(): NodeJS.ProcessEnv {
  const exempt = [process.env["no_proxy"] ?? process.env["NO_PROXY"] ?? "", "127.0.0.1"].filter((host) => host !== "").join(",");
  return { no_proxy: exempt, NO_PROXY: exempt };
}
