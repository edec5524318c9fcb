import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { createAgent } from "langchain";
import { z } from "zod";
import { MODEL_URL, askNext, isTraced, serve, variant } from "./serve.js";

if (isTraced && variant === "openinference") {
  const { LangChainInstrumentation } = await import("@arizeai/openinference-instrumentation-langchain");
  new LangChainInstrumentation().manuallyInstrument(await import("@langchain/core/callbacks/manager"));
}

const configuration = { baseURL: `${MODEL_URL}/v1` };
const model = new ChatOpenAI({ model: "stub", apiKey: "key", configuration });
const delegate = tool(({ task }) => askNext(task), {
  name: "delegate",
  description: "Asks another agent",
  schema: z.object({ task: z.string() }),
});
const messages = [new HumanMessage("Add 1 and 2")];

const agent = createAgent({ model, tools: [delegate] });
const bound = model.bindTools([delegate]);
const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", async (state) => ({ messages: [await bound.invoke(state.messages)] }))
  .addNode("tools", new ToolNode([delegate]))
  .addEdge("__start__", "model")
  .addConditionalEdges("model", toolsCondition)
  .addEdge("tools", "model")
  .compile();

const text = async () => (await model.invoke(messages)).content;

await serve({
  text,
  retry: text,
  tools: async () => (await agent.invoke({ messages })).messages.at(-1).content,
  graph: async () => (await graph.invoke({ messages })).messages.at(-1).content,
  async stream() {
    let answer = "";
    for await (const chunk of await model.stream(messages)) answer += chunk.content;
    return answer;
  },
  embed: async () => (await new OpenAIEmbeddings({ model: "stub", apiKey: "key", configuration }).embedQuery("text")).join(),
});
