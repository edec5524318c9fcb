import { startView } from "../../tools/src/view/server.ts";
import { AGENTS } from "./cast.ts";
import { writePicture } from "./picture.ts";
import { startAgent } from "./processes.ts";
import type { AgentProcess } from "./processes.ts";
import { drawTrace } from "./tree.ts";
import { flaws } from "./verdict.ts";

/** How long an agent's process may live, in milliseconds. */
const DEADLINE = 20_000;

// What `npx a2a-otel-cli view` runs too, on a free port.
const receiver = await startView({ port: 0, log: console.error });
const environment = { ...process.env, ...withoutProxy(), DEMO_RECEIVER: receiver.url };
const agents = AGENTS.map((name) => startAgent(name, new URL(`${name}.ts`, import.meta.url), environment, DEADLINE));
try {
  const [report] = await Promise.all([play(agents), ...agents.map((agent) => agent.ended)]);
  console.log(`${report}\n`);
  show();
} catch (error) {
  console.error(`The demo failed: ${(error as Error).message}.`);
  process.exitCode = 1;
} finally {
  for (const agent of agents) agent.kill();
  await receiver.close();
}

/** Introduces the agents to one another, waits for the orchestrator's report, and sends everyone home; on the way out they export. */
async function play(cast: readonly AgentProcess[]): Promise<string> {
  const addresses = await Promise.all(cast.map(async ({ name, url }) => [name, await url]));
  for (const agent of cast) agent.tell({ peers: Object.fromEntries(addresses) });
  const report = await Promise.race(cast.map((agent) => agent.report));
  for (const agent of cast) agent.tell({ stop: true });
  return report;
}

function show(): void {
  const traces = receiver.store.traces();
  for (const { spans } of traces) console.log(`${drawTrace(spans)}\n`);
  const all = traces.flatMap(({ spans }) => spans);
  const found = flaws(all, AGENTS);
  if (found.length === 0) {
    console.log(`One trace id: each of the ${all.length} spans, from ${AGENTS.length} processes, has it.`);
  } else {
    console.error(`This is not one trace:\n${found.map((flaw) => `- ${flaw}`).join("\n")}`);
    process.exitCode = 1;
  }
  const [largest] = traces.toSorted((a, b) => b.spans.length - a.spans.length);
  if (largest !== undefined) console.log(`Its picture, for a browser: ${writePicture(largest)}`);
}

/** Some clients heed `HTTP_PROXY`, but no proxy leads to loopback. */
function withoutProxy(): NodeJS.ProcessEnv {
  const exempt = [process.env["no_proxy"] ?? process.env["NO_PROXY"] ?? "", "127.0.0.1"].filter((host) => host !== "").join(",");
  return { no_proxy: exempt, NO_PROXY: exempt };
}
