import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Check } from "../apps/checks.ts";
import { startAgent } from "./agent-process.ts";
import type { AgentProcess } from "./agent-process.ts";
import type { Framework } from "./frameworks.ts";
import { judge, treeOf } from "./judge.ts";
import type { Caller, WireRequest } from "./judge.ts";
import type { ModelStub, ReceivedRequest } from "./stub/server.ts";

export interface Trial {
  readonly stub: ModelStub;
  readonly stageOf: (project: string) => Promise<string>;
  readonly check: Check;
  readonly showsTrees: boolean;
}

/** The project of the second agent; that of an agent on the first one is the second. */
const PARTNERS = ["openai", "ai-sdk"];

/** What an operation has done, apart from its trace. */
interface Behaviour {
  readonly answer: string;
  readonly requests: readonly object[];
}

/** Runs the operations of a framework without and with tracing. */
export async function verifyFramework(framework: Framework, trial: Trial): Promise<void> {
  const { name, folder = name, variant, env, operations } = framework;
  const { partner = PARTNERS.find((project) => project !== folder) } = framework;
  const untraced = new Map<string, Behaviour>();
  for (const isTraced of [false, true]) {
    const options = { modelUrl: trial.stub.url, isTraced };
    const agents = [
      await startAgent(await trial.stageOf(folder), { ...options, variant, env }),
      await startAgent(await trial.stageOf(partner ?? folder), options),
    ] as const;
    try {
      for (const operation of operations) {
        if (!isTraced) untraced.set(operation, (await run(operation, agents, trial.stub)).behaviour);
        else await trial.check(operation, () => verifyOperation(operation, framework, agents, trial, untraced.get(operation)));
      }
    } finally {
      for (const agent of agents) agent.stop();
    }
  }
}

async function verifyOperation(
  operation: string,
  { name, known = {} }: Framework,
  agents: readonly [AgentProcess, AgentProcess],
  { stub, showsTrees }: Trial,
  untraced: Behaviour | undefined,
): Promise<string> {
  const { caller, wire, behaviour } = await run(operation, agents, stub);
  const reports = await Promise.all(agents.map((agent) => agent.report()));
  const spans = reports.flatMap((report) => report.spans);
  const received = reports.flatMap((report) => report.received.slice(report === reports[0] ? 1 : 0));
  const requests: WireRequest[] = [...wire, ...received.map((request) => ({ to: "agent" as const, ...request }))];
  if (showsTrees) console.log(`--- ${name} ${operation}\n${treeOf(caller, spans)}`);
  const problems = judge(caller, spans, requests);
  const open = reports.reduce((sum, report) => sum + report.open, 0);
  if (open > 0) problems.push(`${open} spans have not ended`);
  const output = agents[0].output();
  assert.equal(
    problems.toSorted().join("\n"),
    (known[operation] ?? []).toSorted().join("\n"),
    `${problems.join("\n")}\n${treeOf(caller, spans)}\n${output}`,
  );
  assert.deepEqual(behaviour, untraced);
  return `${spans.length} spans, ${requests.length} requests${problems.length === 0 ? "" : ", with the known limits"}`;
}

async function run(
  operation: string,
  [first, second]: readonly [AgentProcess, AgentProcess],
  stub: ModelStub,
): Promise<{ caller: Caller; wire: WireRequest[]; behaviour: Behaviour }> {
  const caller = { traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex") };
  stub.reset(operation === "retry");
  const response = await fetch(`${first.url}/${operation}?next=${encodeURIComponent(second.url)}`, {
    headers: { traceparent: `00-${caller.traceId}-${caller.spanId}-01`, baggage: "tenant=acme" },
  });
  const answer = await response.text();
  assert.equal(response.status, 200, `${operation}: ${answer}\n${first.output()}${second.output()}`);
  const wire = stub.requests.map(({ path, rawHeaders }) => ({ to: "model" as const, path, rawHeaders }));
  return { caller, wire, behaviour: { answer, requests: stub.requests.map(comparable) } };
}

const PROPAGATION = /^(?:traceparent|tracestate|baggage)$/i;
/** Ids and times, which differ from run to run. */
const VARIABLE = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z/g;

/** What is compared of a request with the same one without tracing. */
function comparable({ method, path, rawHeaders, body }: ReceivedRequest): object {
  const names = rawHeaders.filter((name, index) => index % 2 === 0 && !PROPAGATION.test(name)).map((name) => name.toLowerCase());
  return { method, path, headers: names.toSorted(), body: body.replace(VARIABLE, "*") };
}
