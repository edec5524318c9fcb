import { createRequire } from "node:module";
import type * as GrpcJs from "@grpc/grpc-js";
import type { AgentCard } from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";
import type { Client } from "@a2a-js/sdk/client";
import { GrpcTransportFactory } from "@a2a-js/sdk/client/grpc";
import { DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { A2AService, UserBuilder, grpcService } from "@a2a-js/sdk/server/grpc";
import { wrapA2AClient, wrapRequestHandler } from "../../src/a2a.ts";
import type { A2AOptions } from "../../src/a2a.ts";
import { completes } from "./agents.ts";
import type { Execute } from "./agents.ts";

// As CommonJS, as the instrumentation of OpenTelemetry patches it.
const { Server, ServerCredentials } = createRequire(import.meta.url)("@grpc/grpc-js") as typeof GrpcJs;

export interface GrpcAgent {
  readonly card: AgentCard;
  readonly port: number;
  readonly close: () => void;
}

export async function startGrpcAgent(execute: Execute = completes): Promise<GrpcAgent> {
  const card: AgentCard = {
    name: "researcher",
    description: "the researcher",
    version: "2.1",
    supportedInterfaces: [],
    capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false, extensions: [] },
    provider: undefined,
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: [],
    defaultOutputModes: [],
    skills: [],
    signatures: [],
  };
  const executor = { execute: async (...args: Parameters<Execute>) => execute(...args), cancelTask: async () => {} };
  const requestHandler = wrapRequestHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor));
  const server = new Server();
  server.addService(A2AService, grpcService({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  card.supportedInterfaces.push({ url: `127.0.0.1:${port}`, protocolBinding: "GRPC", tenant: "", protocolVersion: "1.0" });
  return { card, port, close: () => server.forceShutdown() };
}

export async function connectGrpc({ card }: GrpcAgent, options?: A2AOptions): Promise<Client> {
  const factory = new ClientFactory({ transports: [new GrpcTransportFactory()] });
  return wrapA2AClient(await factory.createFromAgentCard(structuredClone(card)), options);
}
