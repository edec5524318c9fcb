import "./tracing.ts";
import { AgentCard, Message, SendMessageRequest } from "@a2a-js/sdk";
import { UserBuilder, agentCardHandler, jsonRpcHandler } from "@a2a-js/sdk/server/express";
import express from "express";
import type { AddressInfo } from "node:net";
// #region readme
import { ClientFactory } from "@a2a-js/sdk/client";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import type { AgentExecutor } from "@a2a-js/sdk/server";
import { wrapA2AClient, wrapRequestHandler } from "a2a-otel/a2a";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/express";

// The agent: HTTP's SERVER span becomes that of the A2A method.
const serve = (card: AgentCard, executor: AgentExecutor): express.Express => {
  const requestHandler = wrapRequestHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor));
  const app = express().use(traceRequests());
  app.use("/.well-known/agent-card.json", agentCardHandler({ agentCardProvider: requestHandler }));
  return app.use("/a2a", jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
};

// Whoever calls it: a CLIENT span for the A2A method, above HTTP's.
instrumentFetch();
const ask = async (url: string, request: SendMessageRequest): Promise<Message> => {
  const client = wrapA2AClient(await new ClientFactory().createFromUrl(url));
  return (await client.sendMessage(request)) as Message;
};
// #endregion

const card = AgentCard.fromJSON({ name: "greeter", description: "greets", version: "1.0", capabilities: { streaming: true } });
const app = serve(card, {
  execute: async ({ contextId }, bus) => {
    bus.publish(AgentEvent.message(Message.fromJSON({ messageId: "2", contextId, parts: [{ text: "hello" }] })));
    bus.finished();
  },
  cancelTask: async () => {},
});

const server = app.listen(0, "127.0.0.1", async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  card.supportedInterfaces = [{ url: `${url}/a2a`, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "" }];
  const { parts } = await ask(
    url,
    SendMessageRequest.fromJSON({ message: { messageId: "1", role: "ROLE_USER", parts: [{ text: "hi" }] } }),
  );
  console.log(parts[0]?.content?.value);
  server.close();
});
