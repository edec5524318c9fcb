import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { MODEL_URL, askNext, serve, variant } from "./serve.js";

const client = new Anthropic({ baseURL: MODEL_URL, apiKey: "key", ...(variant === "plain" && { openTelemetry: false }) });
const params = { model: "stub", max_tokens: 10, messages: [{ role: "user", content: "Add 1 and 2" }] };
const delegate = betaTool({
  name: "delegate",
  description: "Asks another agent",
  inputSchema: { type: "object", properties: { task: { type: "string" } }, required: ["task"] },
  run: ({ task }) => askNext(task),
});

async function text() {
  const message = await client.messages.create(params);
  return message.content[0].text;
}

await serve({
  text,
  retry: text,
  async tools() {
    const message = await client.beta.messages.toolRunner({ ...params, tools: [delegate] });
    return message.content[0].text;
  },
  async stream() {
    return client.messages.stream(params).finalText();
  },
});
