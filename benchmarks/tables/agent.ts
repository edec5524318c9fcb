import { loadAgents } from "../agent/load.ts";
import type { AgentRound, AgentRounds } from "../agent/load.ts";
import { median, quietestTenth } from "../measure/statistics.ts";
import { microseconds, ratio, withTarget } from "../report/table.ts";
import type { Table } from "../report/table.ts";
import { AGENT_RATIOS } from "../targets.ts";
import { OPENTELEMETRY, OURS, SDK_BASELINE, UNTRACED } from "../whole-clients/compare.ts";
import type { Contender } from "../whole-clients/compare.ts";
import { OTHER_LIBRARIES } from "../whole-clients/other-libraries.ts";
import type { Effort } from "./repeated-measurement.ts";

const ROUNDS = 120;

/** An agent with the contenders that need no installation. */
export function agentTable(effort: Effort): Promise<Table> {
  return compareAgents([UNTRACED, SDK_BASELINE, OURS, OPENTELEMETRY], "npm run bench -- --only agent", effort);
}

/** An agent with the tracing libraries that are installed into benchmarks/peers as well. */
export function agentWithOtherLibrariesTable(effort: Effort): Promise<Table> {
  const others = OTHER_LIBRARIES.filter(({ clients }) => clients === undefined);
  return compareAgents([UNTRACED, SDK_BASELINE, OURS, ...others], "npm run bench:peers -- --only agent", effort);
}

async function compareAgents(contenders: readonly Contender[], command: string, { share, progress }: Effort): Promise<Table> {
  const rounds = await loadAgents({ contenders, rounds: Math.ceil(ROUNDS * share), progress });
  return {
    title: "A whole agent under load",
    command,
    text: [
      "An express agent receives a request, calls a model and another agent with `fetch`, and answers. autocannon sends the requests over 10 connections; the",
      "model and the other agent answer at once, on loopback. Each row is a process of its own, and in each round they take turns, 150 requests each. CPU time",
      "is that of the agent's process, in microseconds per request, over the quietest tenth of the rounds. A traced request has one SERVER span and two CLIENT",
      "spans. Requests per second and latency, in milliseconds, are medians of the rounds; they depend most on what else the machine is doing. Memory",
      "is the resident set size in megabytes after the last round.",
    ].join("\n"),
    head: ["", "CPU time per request", "added by tracing", "a2a-otel / row", "requests per second", "p50", "p99", "memory"],
    rows: contenders.map(({ name }) => formatRow(name, rounds)),
  };
}

function formatRow(name: string, all: AgentRounds): string[] {
  const rounds = all[name] ?? [];
  const added = addedTime(all, name);
  const ourRatio = addedTime(all, OURS.name) / added;
  const medianOf = (quantity: keyof AgentRound): number => median(rounds.map((round) => round[quantity]));
  return [
    name,
    microseconds(cpuTime(all, name)),
    name === UNTRACED.name ? "" : microseconds(added),
    name === UNTRACED.name || name === OURS.name ? "" : withTarget(ratio(ourRatio), ourRatio, AGENT_RATIOS[name]),
    medianOf("requestsPerSecond").toFixed(0),
    medianOf("p50").toFixed(1),
    medianOf("p99").toFixed(1),
    ((rounds.at(-1)?.memory ?? Number.NaN) / 1e6).toFixed(0),
  ];
}

function addedTime(rounds: AgentRounds, name: string): number {
  return cpuTime(rounds, name) - cpuTime(rounds, UNTRACED.name);
}

function cpuTime(rounds: AgentRounds, name: string): number {
  return quietestTenth((rounds[name] ?? []).map((round) => round.cpuTime));
}
