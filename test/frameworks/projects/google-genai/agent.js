import { GoogleGenAI } from "@google/genai";
import { MODEL_URL, askNext, serve } from "./serve.js";

const client = new GoogleGenAI({ apiKey: "key", httpOptions: { baseUrl: MODEL_URL, retryOptions: { attempts: 2 } } });
const request = { model: "stub", contents: "Add 1 and 2" };
const declaration = {
  name: "delegate",
  description: "Asks another agent",
  parametersJsonSchema: { type: "object", properties: { task: { type: "string" } } },
};
/** A tool of the kind that the SDK calls by itself. */
const delegate = {
  tool: async () => ({ functionDeclarations: [declaration] }),
  callTool: ([{ name, args }]) => askNext(args.task).then((output) => [{ functionResponse: { name, response: { output } } }]),
};

const text = async () => (await client.models.generateContent(request)).text;

await serve({
  text,
  retry: text,
  tools: async () => (await client.models.generateContent({ ...request, config: { tools: [delegate] } })).text,
  async stream() {
    let answer = "";
    for await (const chunk of await client.models.generateContentStream(request)) answer += chunk.text ?? "";
    return answer;
  },
  embed: async () => (await client.models.embedContent({ model: "stub", contents: "text" })).embeddings[0].values.join(),
});
