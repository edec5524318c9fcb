/** The agent that the A2A examples call. */
import { AgentCard } from "@a2a-js/sdk";
import type { AddressInfo } from "node:net";
// #region readme
import { DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import type { AgentExecutor } from "@a2a-js/sdk/server";
import { UserBuilder, agentCardHandler, jsonRpcHandler } from "@a2a-js/sdk/server/express";
import express from "express";
import { wrapRequestHandler } from "a2a-otel/a2a";
import { traceRequests } from "a2a-otel/server/express";

// wrapRequestHandler names the HTTP SERVER span after the A2A method.
const serve = (card: AgentCard, executor: AgentExecutor): express.Express => {
  const requestHandler = wrapRequestHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor));
  const app = express().use(traceRequests());
  app.use("/.well-known/agent-card.json", agentCardHandler({ agentCardProvider: requestHandler }));
  return app.use("/a2a", jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
};
// #endregion

export function startAgent(execute: AgentExecutor["execute"]): Promise<{ url: string; close: () => void }> {
  const card = AgentCard.fromJSON({ name: "greeter", description: "Greets.", version: "1.0", capabilities: { streaming: true } });
  const app = serve(card, { execute, cancelTask: async () => {} });
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      card.supportedInterfaces = [{ url: `${url}/a2a`, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "" }];
      resolve({ url, close: () => void server.close() });
    });
  });
}
