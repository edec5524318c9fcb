import { openAI } from "@genkit-ai/compat-oai/openai";
import { genkit, z } from "genkit";
import { MODEL_URL, askNext, serve } from "./serve.js";

// The plugin has version 4 of the OpenAI SDK, which sends with node-fetch, over node:http.
const ai = genkit({ plugins: [openAI({ apiKey: "key", baseURL: `${MODEL_URL}/v1` })] });
const model = openAI.model("gpt-4o");
const prompt = "Add 1 and 2";
const delegate = ai.defineTool(
  { name: "delegate", description: "Asks another agent", inputSchema: z.object({ task: z.string() }), outputSchema: z.string() },
  ({ task }) => askNext(task),
);

const text = ai.defineFlow("text", async () => (await ai.generate({ model, prompt })).text);
const tools = ai.defineFlow("tools", async () => (await ai.generate({ model, prompt, tools: [delegate] })).text);
const stream = ai.defineFlow("stream", async () => {
  const { stream: chunks, response } = ai.generateStream({ model, prompt });
  let answer = "";
  for await (const chunk of chunks) answer += chunk.text;
  await response;
  return answer;
});

await serve({ text: () => text(), retry: () => text(), tools: () => tools(), stream: () => stream() });
