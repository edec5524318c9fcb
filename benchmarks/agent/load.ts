import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { default as autocannon } from "autocannon";
import type { Options } from "autocannon";
import { quantile } from "../measure/statistics.ts";
import { REMOTE_TRACEPARENT } from "../scenarios/telemetry.ts";
import { UNTRACED } from "../whole-clients/compare.ts";
import type { Contender } from "../whole-clients/compare.ts";
import type { AgentJob, Listening, Usage } from "./agent-process.ts";
import { startBackends } from "./backends.ts";

/** What one agent did in one round. */
export interface AgentRound {
  /** CPU time of the agent's process, in microseconds per request. */
  readonly cpuTime: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Resident set size at the end of the round, in bytes. */
  readonly memory: number;
}

/** The rounds of each contender, in the same order. */
export type AgentRounds = Record<string, AgentRound[]>;

export interface LoadOptions {
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

interface Agent {
  readonly process: ChildProcess;
  readonly url: string;
}

const PROCESS = fileURLToPath(new URL("agent-process.ts", import.meta.url));
const CONNECTIONS = 10;
const REQUESTS_PER_ROUND = 150;
/** V8 has compiled most of an agent's code by then. */
const WARM_UP_REQUESTS = 4000;
const BODY = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "SendMessage",
  params: { message: { role: "user", content: "Find vendors." } },
});

/**
 * Puts load on the agents of all contenders: each is a process of its own, and in each round they take turns, so that a slow phase of the machine slows
 * down all of them.
 */
export async function loadAgents({ contenders, rounds, progress }: LoadOptions): Promise<AgentRounds> {
  const backends = await startBackends();
  const agents = new Map<string, Agent>();
  try {
    for (const { name, tracing, flags, environment } of contenders) {
      progress(`agent, ${name}: warm-up`);
      const { model, otherAgent } = backends;
      const agent = await startAgent({ tracing, model, otherAgent }, flags, environment);
      agents.set(name, agent);
      await sendRequests(agent.url, WARM_UP_REQUESTS);
      if (backends.lastRequestIsTraced() !== (name !== UNTRACED.name))
        throw new Error(`agent, ${name}: the requests are not traced as expected`);
    }
    const measured: AgentRounds = Object.fromEntries(contenders.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      progress(`agent: round ${round + 1} of ${rounds}`);
      for (const name of rotated([...agents.keys()], round)) measured[name]?.push(await measureRound(agents.get(name) as Agent));
    }
    return measured;
  } finally {
    for (const { process: child } of agents.values()) child.disconnect();
    backends.close();
  }
}

async function startAgent(job: AgentJob, flags: readonly string[] = [], environment: Record<string, string> = {}): Promise<Agent> {
  const child = fork(PROCESS, [JSON.stringify(job)], { execArgv: [...flags], env: { ...process.env, ...environment } });
  const [{ port }] = (await once(child, "message")) as [Listening];
  return { process: child, url: `http://127.0.0.1:${port}/rpc` };
}

async function measureRound({ process: child, url }: Agent): Promise<AgentRound> {
  const before = await usageOf(child);
  const start = performance.now();
  const latencies = await sendRequests(url, REQUESTS_PER_ROUND);
  const seconds = (performance.now() - start) / 1000;
  const { cpuTime, memory } = await usageOf(child);
  return {
    cpuTime: (cpuTime - before.cpuTime) / REQUESTS_PER_ROUND,
    requestsPerSecond: REQUESTS_PER_ROUND / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    memory,
  };
}

async function usageOf(child: ChildProcess): Promise<Usage> {
  const answer = once(child, "message") as Promise<[Usage]>;
  child.send("usage");
  return (await answer)[0];
}

/** Sends requests over a few connections, and returns their latencies in milliseconds. */
async function sendRequests(url: string, amount: number): Promise<number[]> {
  const latencies: number[] = [];
  const headers = { "content-type": "application/json", traceparent: REMOTE_TRACEPARENT };
  // A run ends with one of autocannon's samples.
  const options: Options = { url, method: "POST", headers, body: BODY, connections: CONNECTIONS, amount, sampleInt: 10 };
  await new Promise<void>((resolve, reject) => {
    const run = autocannon(options, (error) => (error === null ? resolve() : reject(error as Error)));
    run.on("response", (_client, status, _bytes, milliseconds) => {
      if (status === 200) latencies.push(milliseconds);
    });
  });
  if (latencies.length !== amount) throw new Error(`${url}: ${amount - latencies.length} of ${amount} requests failed`);
  return latencies;
}

function rotated(names: readonly string[], round: number): string[] {
  const first = round % names.length;
  return [...names.slice(first), ...names.slice(0, first)];
}
