import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { judge } from "./judge.ts";
import type { Caller } from "./judge.ts";
import type { Variant } from "./products.ts";
import type { Receiver } from "./receiver.ts";

export const CLIENTS = ["fetch", "undici", "axios", "got"] as const;
const DEADLINE = 30_000;

/** How two agents are started: whose set-up comes first, and which server they have (`wrapped`: express within the listener of server/node). */
export interface Arrangement {
  readonly first: "ours" | "theirs";
  readonly server: "node" | "express" | "wrapped";
}

/** What is wrong, by client; `said` is what the processes wrote to stderr. */
export interface Outcome {
  readonly wrong: Record<string, string[]>;
  readonly said: string;
}

/** Starts two agents, has one call the other by each client, and judges what came of it. */
export async function runPair(folder: string, variant: Variant, arrangement: Arrangement, receiver: Receiver): Promise<Outcome> {
  const agents = await Promise.all([
    startAgent(folder, variant, arrangement, receiver),
    startAgent(folder, variant, arrangement, receiver),
  ]);
  try {
    const [first, second] = agents;
    const calls: { client: string; caller: Caller; rawHeaders: string[] }[] = [];
    for (const client of CLIENTS) {
      const caller = { traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex") };
      const url = `${first.origin}/work?client=${client}&next=${encodeURIComponent(`${second.origin}/work`)}`;
      calls.push({ client, caller, rawHeaders: JSON.parse(await ask(url, headersOf(caller, variant))) as string[] });
    }
    await Promise.all(agents.map((agent) => agent.stop()));
    const wrong = calls.map(({ client, caller, rawHeaders }) => [client, judge(caller, rawHeaders, receiver.spans)] as const);
    return { wrong: Object.fromEntries(wrong), said: agents.map((agent) => agent.said()).join("") };
  } finally {
    for (const agent of agents) agent.kill();
  }
}

function headersOf({ traceId, spanId }: Caller, { alsoSent }: Variant): Record<string, string> {
  return { traceparent: `00-${traceId}-${spanId}-01`, baggage: "tenant=acme", ...alsoSent?.(traceId, spanId) };
}

async function ask(url: string, headers: Record<string, string>): Promise<string> {
  const sent = request(url, { headers, timeout: DEADLINE }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}: ${body}`);
  return body;
}

interface Running {
  readonly origin: string;
  said(): string;
  stop(): Promise<void>;
  kill(): void;
}

async function startAgent(folder: string, variant: Variant, { first, server }: Arrangement, receiver: Receiver): Promise<Running> {
  const preloads = first === "ours" ? ["./ours.ts", variant.setup] : [variant.setup, "./ours.ts"];
  const child = fork(join(folder, "agent.ts"), {
    cwd: folder,
    execArgv: preloads.flatMap((file) => ["--import", file]),
    env: { PATH: process.env["PATH"], AGENT_SERVER: server, ...variant.environment(receiver.origin) },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const { port } = (await nextMessage(child, () => output)) as { port: number };
  return {
    origin: `http://127.0.0.1:${port}`,
    said: () => output,
    stop: async () => {
      child.send("stop");
      await nextMessage(child, () => output);
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/** The next message of a process, which must not end before it. */
async function nextMessage(child: ChildProcess, output: () => string): Promise<unknown> {
  const over = AbortSignal.timeout(DEADLINE);
  const exited = once(child, "exit", { signal: over }).then(() => Promise.reject(new Error(`an agent ended: ${output()}`)));
  const [message] = (await Promise.race([once(child, "message", { signal: over }), exited])) as unknown[];
  exited.catch(() => {});
  return message;
}
