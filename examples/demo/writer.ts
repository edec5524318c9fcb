import { createServer } from "node:http";
import { AGENT_CARD_PATH, AgentCard, Message } from "@a2a-js/sdk";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import type { AgentExecutor } from "@a2a-js/sdk/server";
import { UserBuilder, agentCardHandler, restHandler } from "@a2a-js/sdk/server/express";
import { wrapRequestHandler } from "a2a-otel/a2a";
import { instrumentAxios } from "a2a-otel/axios";
import { traceRequests } from "a2a-otel/server/express";
import axios from "axios";
import express from "express";
import { connectToDemo } from "./agent.ts";
import { chat } from "./model.ts";
import type { Analysis } from "./researcher-skills.ts";
import { inSpan } from "./telemetry.ts";

instrumentAxios(axios, { startSpanHook: () => ({ "demo.client": "axios" }) });

const agent = connectToDemo("writer");

const app = express();
app.use(traceRequests());
const url = await agent.listen(createServer(app));

// The researcher speaks JSON-RPC, the writer the REST binding.
const card = AgentCard.fromJSON({
  name: "writer",
  description: "Writes reports about findings.",
  version: "1.0.0",
  supportedInterfaces: [{ url: `${url}/rest`, protocolBinding: "HTTP+JSON", protocolVersion: "1.0" }],
  defaultInputModes: ["application/json"],
  defaultOutputModes: ["text/plain"],
  skills: [{ id: "report", name: "Report", description: "Writes a report about an analysis and quotes.", tags: ["text"] }],
});
const executor: AgentExecutor = {
  execute: async ({ userMessage, contextId }, bus) => {
    const content = userMessage.parts[0]?.content;
    const findings = (content?.$case === "data" ? content.value : {}) as Findings;
    const text = await inSpan("write report", {}, () => write(findings));
    const reply = { messageId: crypto.randomUUID(), contextId, role: "ROLE_AGENT", parts: [{ text }] };
    bus.publish(AgentEvent.message(Message.fromJSON(reply)));
  },
  cancelTask: () => Promise.reject(new Error("these tasks are too short to be cancelled")),
};
const requestHandler = wrapRequestHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor));
app.use(`/${AGENT_CARD_PATH}`, agentCardHandler({ agentCardProvider: requestHandler }));
app.use("/rest", restHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
app.get("/style-guide", (_request, response) => void response.json({ quotes: 3 }));

interface Findings {
  readonly analysis: Analysis;
  readonly quotes: readonly string[];
}

async function write({ analysis, quotes }: Findings): Promise<string> {
  const lead = await chat("Which of these belongs at the top?", [analysis.gist, ...quotes].join("\n"));
  const body = [...new Set([lead, analysis.gist, ...quotes])];
  const { data } = await axios.post<{ unsupported: string[] }>(`${await agent.urlOf("checker")}/check`, { claims: body });
  const supported = body.filter((claim) => !data.unsupported.includes(claim));
  const title = `${analysis.words} words in ${analysis.sentences} sentences, about ${analysis.keywords.join(", ")}:`;
  return [title, ...supported.map((claim) => `- ${claim}`)].join("\n");
}
