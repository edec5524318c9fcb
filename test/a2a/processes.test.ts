import type { AgentCard } from "@a2a-js/sdk";
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { SpanContext } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, beforeEach, expect, it } from "vitest";
import { inSpan, startTelemetry, until } from "../support/telemetry.ts";
import { WIRES, connect, request, tree } from "./agents.ts";

const telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

/** An ended span as a process sends it. */
type SentSpan = Pick<ReadableSpan, "name" | "kind" | "startTime" | "parentSpanContext"> & { context: SpanContext };

interface Started {
  readonly card: AgentCard;
  readonly process: ChildProcess;
}

async function start(setup: object, spans: ReadableSpan[]): Promise<Started> {
  const child = fork(new URL("agent-process.ts", import.meta.url), [JSON.stringify(setup)], { execArgv: [], stdio: "ignore" });
  const [{ card }] = (await once(child, "message")) as [{ card: AgentCard }];
  child.on("message", ({ span }: { span?: SentSpan }) => {
    if (span !== undefined) spans.push({ ...span, spanContext: () => span.context } as unknown as ReadableSpan);
  });
  return { card, process: child };
}

async function sendCard({ process: child }: Started, next: AgentCard): Promise<void> {
  const received = once(child, "message");
  child.send(next);
  await received;
}

it.each(WIRES)("makes one trace of three agents in three processes, over $binding $version", async ({ binding, version }) => {
  const spans: ReadableSpan[] = [];
  const agents = ["first", "second", "third"].map((name) => start({ name, binding, version }, spans));
  const [first, second, third] = (await Promise.all(agents)) as [Started, Started, Started];
  await Promise.all([sendCard(first, second.card), sendCard(second, third.card)]);
  await inSpan("agent", async () => (await connect(first)).sendMessage(request()));
  await telemetry.settled();
  await until(() => spans.length === 7);
  const all = [...spans, ...telemetry.spans()];
  expect(tree(all)).toEqual([
    "INTERNAL agent",
    "  CLIENT SendMessage",
    "    CLIENT POST",
    "      SERVER SendMessage",
    "        CLIENT SendStreamingMessage",
    "          CLIENT POST",
    "            SERVER SendStreamingMessage",
    "              CLIENT SendStreamingMessage",
    "                CLIENT POST",
    "                  SERVER SendStreamingMessage",
  ]);
  expect(new Set(all.map((span) => span.spanContext().traceId)).size).toBe(1);
  for (const { process: child } of [first, second, third]) child.disconnect();
});
