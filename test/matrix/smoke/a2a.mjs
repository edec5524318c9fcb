import { createServer } from "node:http";
import { AgentCard, Message, SendMessageRequest } from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { UserBuilder, agentCardHandler, jsonRpcHandler } from "@a2a-js/sdk/server/express";
import express from "express";
import { listen } from "./servers.mjs";
import { use } from "./uses.mjs";

const { wrapA2AClient, wrapRequestHandler } = await use("./a2a");
const { traceRequests } = await use("./server/express");

const message = (role, text) => ({ messageId: text, role, parts: [{ text }] });

const executor = {
  async execute({ contextId }, bus) {
    bus.publish(AgentEvent.message(Message.fromJSON({ ...message("ROLE_AGENT", "a2a"), contextId })));
    bus.finished();
  },
  async cancelTask() {},
};

/** An agent of the A2A SDK, instrumented as its documentation says, and a function that asks it. */
export async function startA2A() {
  const card = AgentCard.fromJSON({ name: "greeter", description: "greets", version: "1.0", capabilities: {} });
  const requestHandler = wrapRequestHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor));
  const app = express();
  app.use(traceRequests());
  app.use("/.well-known/agent-card.json", agentCardHandler({ agentCardProvider: requestHandler }));
  app.use("/a2a", jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
  const url = await listen(createServer(app));
  card.supportedInterfaces = [{ url: `${url}/a2a`, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "" }];

  return async () => {
    const client = wrapA2AClient(await new ClientFactory().createFromUrl(url));
    const { parts } = await client.sendMessage(SendMessageRequest.fromJSON({ message: message("ROLE_USER", "hello") }));
    return parts[0].content.value;
  };
}
