import { Agent, run, setDefaultOpenAIClient, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";
import { MODEL_URL, askNext, serve } from "./serve.js";

setDefaultOpenAIClient(new OpenAI({ baseURL: `${MODEL_URL}/v1`, apiKey: "key" }));
setTracingDisabled(true); // The SDK's own traces, which it sends to OpenAI. They are not OpenTelemetry.

const delegate = tool({
  name: "delegate",
  description: "Asks another agent",
  parameters: z.object({ task: z.string() }),
  execute: ({ task }) => askNext(task),
});
const plain = new Agent({ name: "plain", instructions: "Answer.", model: "stub" });
const delegating = new Agent({ name: "delegating", instructions: "Delegate.", model: "stub", tools: [delegate] });

const text = async () => (await run(plain, "Add 1 and 2")).finalOutput;

await serve({
  text,
  retry: text,
  tools: async () => (await run(delegating, "Add 1 and 2")).finalOutput,
  async stream() {
    const result = await run(delegating, "Add 1 and 2", { stream: true });
    let answer = "";
    for await (const part of result.toTextStream()) answer += part;
    await result.completed;
    return answer;
  },
});
