import { randomUUID } from "node:crypto";
import { Role } from "@a2a-js/sdk";
import { ClientFactory, ClientFactoryOptions, JsonRpcTransportFactory, RestTransportFactory } from "@a2a-js/sdk/client";
import { GrpcTransportFactory } from "@a2a-js/sdk/client/grpc";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { UserBuilder, agentCardHandler, jsonRpcHandler, restHandler } from "@a2a-js/sdk/server/express";
import { A2AService, grpcService } from "@a2a-js/sdk/server/grpc";
import * as grpc from "@grpc/grpc-js";
import express from "express";
import { createServer } from "node:http";
import { askModel } from "./model.js";
import { isTraced, listen, next, runOperation, note, variant } from "./serve.js";

const a2a = isTraced ? await import("a2a-otel/a2a") : undefined;
const traced = isTraced ? await import("a2a-otel/server/express") : undefined;

const part = (value) => ({ content: { $case: "text", value }, metadata: undefined, filename: "", mediaType: "text/plain" });
const messageOf = (role, text, contextId = "") => ({
  messageId: randomUUID(),
  contextId,
  taskId: "",
  role,
  parts: [part(text)],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
});

const BINDINGS = { jsonrpc: "JSONRPC", rest: "HTTP+JSON", grpc: "GRPC" };

/** Asks the next agent by the protocol binding of the variant. */
async function connect() {
  const transports = [new JsonRpcTransportFactory(), new RestTransportFactory(), new GrpcTransportFactory()];
  const options = ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
    transports,
    preferredTransports: [BINDINGS[variant]],
  });
  const client = await new ClientFactory(options).createFromUrl(next());
  return a2a?.wrapA2AClient(client) ?? client;
}

const request = () => ({
  tenant: "",
  message: messageOf(Role.ROLE_USER, "Add 1 and 2"),
  configuration: { acceptedOutputModes: [], taskPushNotificationConfig: undefined, returnImmediately: false },
  metadata: undefined,
});
const textOf = ({ parts }) => parts[0].content.value;

const operations = {
  send: async () => textOf(await (await connect()).sendMessage(request())),
  async stream() {
    let answer = "";
    for await (const { payload } of (await connect()).sendMessageStream(request())) answer += textOf(payload.value);
    return answer;
  },
};

const executor = {
  async execute({ contextId }, bus) {
    bus.publish(AgentEvent.message(messageOf(Role.ROLE_AGENT, await askModel(), contextId)));
    bus.finished();
  },
  async cancelTask() {},
};

const grpcServer = new grpc.Server();
const app = express();
const server = createServer(app);
const card = {
  name: "agent",
  description: "",
  supportedInterfaces: [],
  provider: undefined,
  version: "1",
  capabilities: { streaming: true, pushNotifications: false, extensions: [] },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: ["text"],
  defaultOutputModes: ["text"],
  skills: [],
  signatures: [],
};
const plain = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
const requestHandler = a2a?.wrapRequestHandler(plain) ?? plain;
const userBuilder = UserBuilder.noAuthentication;

if (traced !== undefined) app.use(traced.traceRequests());
app.get("/:operation", async ({ path, url, rawHeaders }, response, onward) => {
  if (operations[path.slice(1)] === undefined) return onward();
  response.end(await runOperation(operations, { url, rawHeaders }));
});
app.use((received, _, onward) => {
  note(received.path, received.rawHeaders);
  onward();
});
app.use("/.well-known/agent-card.json", agentCardHandler({ agentCardProvider: requestHandler }));
app.use("/a2a/jsonrpc", jsonRpcHandler({ requestHandler, userBuilder }));
app.use("/a2a/rest", restHandler({ requestHandler, userBuilder }));

grpcServer.addService(A2AService, grpcService({ requestHandler, userBuilder }));
const grpcPort = await new Promise((resolve, reject) =>
  grpcServer.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  ),
);
const interfaceOf = (protocolBinding, url) => ({ url, protocolBinding, tenant: "", protocolVersion: "1.0" });
server.on("listening", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  card.supportedInterfaces.push(
    interfaceOf("JSONRPC", `${url}/a2a/jsonrpc`),
    interfaceOf("HTTP+JSON", `${url}/a2a/rest`),
    interfaceOf("GRPC", `127.0.0.1:${grpcPort}`),
  );
});
await listen(server);
