import { createOpenAI } from "@ai-sdk/openai";
import { OpenTelemetry } from "@ai-sdk/otel";
import { embed, generateText, isStepCount, registerTelemetry, streamText, tool } from "ai";
import { z } from "zod";
import { MODEL_URL, askNext, isTraced, serve } from "./serve.js";

if (isTraced) registerTelemetry(new OpenTelemetry());

const openai = createOpenAI({ baseURL: `${MODEL_URL}/v1`, apiKey: "key" });
const model = openai("stub");
const prompt = "Add 1 and 2";
const tools = {
  delegate: tool({
    description: "Asks another agent",
    inputSchema: z.object({ task: z.string() }),
    execute: ({ task }) => askNext(task),
  }),
};

const text = async () => (await generateText({ model, prompt })).text;

await serve({
  text,
  retry: text,
  work: text,
  tools: async () => (await generateText({ model, prompt, tools, stopWhen: isStepCount(3) })).text,
  async stream() {
    let answer = "";
    for await (const part of streamText({ model, prompt, tools, stopWhen: isStepCount(3) }).textStream) answer += part;
    return answer;
  },
  embed: async () => (await embed({ model: openai.embedding("stub"), value: "text" })).embedding.join(),
});
