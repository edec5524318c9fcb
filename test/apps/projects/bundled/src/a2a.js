// An A2A agent, and a call to it that it answers with an error: the SDK tells its errors apart by the names of classes.
import "./telemetry.js";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { AgentCard, GetTaskRequest } from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";
import { DefaultRequestHandler, InMemoryTaskStore, JsonRpcTransportHandler, ServerCallContext } from "@a2a-js/sdk/server";
import { trace } from "@opentelemetry/api";
import { wrapA2AClient, wrapRequestHandler } from "a2a-otel/a2a";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";

instrumentFetch();
const card = AgentCard.fromJSON({ name: "clerk", description: "keeps no tasks", version: "1.0" });
const executor = { execute: async () => {}, cancelTask: async () => {} };
const transport = new JsonRpcTransportHandler(
  wrapRequestHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor)),
);

const server = createServer(
  traceRequests(async (request, response) => {
    const answer = await transport.handle(await json(request), new ServerCallContext({ requestedVersion: "1.0" }));
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  }),
);
server.listen(0, "127.0.0.1", async () => {
  const url = `http://127.0.0.1:${server.address().port}/`;
  card.supportedInterfaces = [{ url, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "" }];
  const client = wrapA2AClient(await new ClientFactory().createFromAgentCard(card));
  await trace.getTracer("app").startActiveSpan("work", async (span) => {
    await client.getTask(GetTaskRequest.fromJSON({ id: "unknown" })).catch((error) => console.log(error.message));
    span.end();
  });
  server.close();
});
