/** The process that does the work: it takes one task from its parent, which stands for a queue or a database. */
import { setTimeout } from "node:timers/promises";
import { SpanKind } from "@opentelemetry/api";
import { continueTrace } from "a2a-otel";
import { startTelemetry } from "./telemetry.ts";

const { spans } = startTelemetry("worker");

process.once("message", async (row: string) => {
  const { taskId, trace, mode } = JSON.parse(row) as { taskId: string; trace: Record<string, string>; mode: "parent" | "link" };
  const text = await continueTrace(trace, () => work(taskId), { name: "work on task", kind: SpanKind.CONSUMER, mode });
  process.send?.({ text, spans });
  process.disconnect();
});

async function work(taskId: string): Promise<string> {
  await setTimeout(20);
  return `the plan that task ${taskId} asked for`;
}
