import { createServer } from "node:http";
import { AGENT_CARD_PATH, AgentCard } from "@a2a-js/sdk";
import { DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { UserBuilder, agentCardHandler, jsonRpcHandler } from "@a2a-js/sdk/server/express";
import { wrapRequestHandler } from "a2a-otel/a2a";
import { traceRequests } from "a2a-otel/server/express";
import express from "express";
import { connectToDemo } from "./agent.ts";
import { notes, researcherSkills } from "./researcher-skills.ts";

const agent = connectToDemo("researcher");

const app = express();
app.use(traceRequests());
const url = await agent.listen(createServer(app));

const card = AgentCard.fromJSON({
  name: "researcher",
  description: "Analyzes notes and quotes them.",
  version: "1.0.0",
  supportedInterfaces: [{ url: `${url}/rpc`, protocolBinding: "JSONRPC", protocolVersion: "1.0" }],
  capabilities: { streaming: true },
  defaultInputModes: ["text/plain"],
  defaultOutputModes: ["application/json", "text/plain"],
  skills: [
    { id: "analyze", name: "Analyze", description: "Counts words and sentences, finds keywords.", tags: ["text"] },
    { id: "quote", name: "Quote", description: "Streams one sentence for each given word.", tags: ["text"] },
  ],
});
const executor = researcherSkills(() => agent.urlOf("writer"));
const requestHandler = wrapRequestHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor));
app.use(`/${AGENT_CARD_PATH}`, agentCardHandler({ agentCardProvider: requestHandler }));
app.use("/rpc", jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
app.get("/notes", (_request, response) => void response.type("text/plain").send(notes));
