import OpenAI from "openai";
import { MODEL_URL, askNext, serve } from "./serve.js";

const client = new OpenAI({ baseURL: `${MODEL_URL}/v1`, apiKey: "key" });
const messages = [{ role: "user", content: "Add 1 and 2" }];
const tools = [
  {
    type: "function",
    function: { name: "delegate", description: "Asks another agent", parameters: { type: "object", properties: {} } },
  },
];
const model = "stub";

async function text() {
  const completion = await client.chat.completions.create({ model, messages });
  return completion.choices[0].message.content;
}

await serve({
  text,
  retry: text,
  work: text,
  async tools() {
    const first = await client.chat.completions.create({ model, messages, tools });
    const { message } = first.choices[0];
    const result = await askNext(JSON.parse(message.tool_calls[0].function.arguments).task);
    const answer = { role: "tool", tool_call_id: message.tool_calls[0].id, content: result };
    const second = await client.chat.completions.create({ model, messages: [...messages, message, answer], tools });
    return second.choices[0].message.content;
  },
  async stream() {
    const stream = await client.responses.create({ model, input: "Add 1 and 2", stream: true });
    let answer = "";
    for await (const event of stream) if (event.type === "response.output_text.delta") answer += event.delta;
    return answer;
  },
  async embed() {
    const { data } = await client.embeddings.create({ model, input: "text" });
    return data[0].embedding.join();
  },
});
