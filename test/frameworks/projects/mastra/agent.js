import { createOpenAI } from "@ai-sdk/openai";
import { Mastra } from "@mastra/core";
import { Agent } from "@mastra/core/agent";
import { createTool } from "@mastra/core/tools";
import { Observability } from "@mastra/observability";
import { OtelBridge } from "@mastra/otel-bridge";
import { z } from "zod";
import { MODEL_URL, askNext, isTraced, serve } from "./serve.js";

const model = createOpenAI({ baseURL: `${MODEL_URL}/v1`, apiKey: "key" })("stub");
const delegate = createTool({
  id: "delegate",
  description: "Asks another agent",
  inputSchema: z.object({ task: z.string() }),
  execute: ({ task }) => askNext(task),
});
const agents = {
  plain: new Agent({ id: "plain", name: "plain", instructions: "Answer.", model, maxRetries: 1 }),
  delegating: new Agent({ id: "delegating", name: "delegating", instructions: "Delegate.", model, tools: { delegate } }),
};
const observability = isTraced
  ? new Observability({ configs: { default: { serviceName: "agent", bridge: new OtelBridge() } } })
  : undefined;
const mastra = new Mastra({ agents, logger: false, ...(observability && { observability }) });
const prompt = "Add 1 and 2";

const text = async () => (await mastra.getAgent("plain").generate(prompt)).text;

await serve({
  text,
  retry: text,
  tools: async () => (await mastra.getAgent("delegating").generate(prompt)).text,
  async stream() {
    const { textStream } = await mastra.getAgent("delegating").stream(prompt);
    let answer = "";
    for await (const part of textStream) answer += part;
    return answer;
  },
});
