import type { AgentCapabilities, AgentCard, Message, Task, TaskStatusUpdateEvent } from "@a2a-js/sdk";
import { Role, TaskState } from "@a2a-js/sdk";
import { ClientFactory, JsonRpcTransportFactory, RestTransportFactory } from "@a2a-js/sdk/client";
import type { Client, ClientConfig } from "@a2a-js/sdk/client";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import type {
  A2ARequestHandler,
  AgentExecutor,
  ExecutionEventBus,
  PushNotificationSender,
  RequestContext,
  ServerCallContextBuilder,
} from "@a2a-js/sdk/server";
import { UserBuilder, agentCardHandler, jsonRpcHandler, restHandler } from "@a2a-js/sdk/server/express";
import { SpanKind } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import express from "express";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { wrapA2AClient, wrapRequestHandler } from "../../src/a2a.ts";
import type { A2AOptions } from "../../src/a2a.ts";
import { wrapFetch } from "../../src/fetch.ts";
import { traceRequests } from "../../src/server/express.ts";

export type Binding = "JSONRPC" | "HTTP+JSON";
export type Version = "1.0" | "0.3";
export type Execute = (context: RequestContext, bus: ExecutionEventBus) => Promise<void> | void;

/** The bindings and versions that the SDK supports. */
export const WIRES: { binding: Binding; version: Version }[] = [
  { binding: "JSONRPC", version: "1.0" },
  { binding: "HTTP+JSON", version: "1.0" },
  { binding: "JSONRPC", version: "0.3" },
  { binding: "HTTP+JSON", version: "0.3" },
];

export interface AgentSetup {
  name?: string;
  binding?: Binding;
  version?: Version;
  tenant?: string;
  capabilities?: Partial<AgentCapabilities>;
  execute?: Execute;
  cancelTask?: AgentExecutor["cancelTask"];
  /** Whether its HTTP server is instrumented. Default: true. */
  http?: boolean;
  /** The options of `wrapRequestHandler`; false: not wrapped. */
  a2a?: A2AOptions | false;
  /** Applied to the handler before it is wrapped. */
  handler?: (handler: A2ARequestHandler) => A2ARequestHandler;
  sender?: PushNotificationSender;
  contextBuilder?: ServerCallContextBuilder;
}

export interface Agent {
  readonly card: AgentCard;
  readonly port: number;
  readonly server: Server;
  readonly store: InMemoryTaskStore;
  readonly handler: A2ARequestHandler;
  readonly close: () => Promise<void>;
}

const text = (value: string): Message["parts"][number] => ({
  content: { $case: "text", value },
  metadata: undefined,
  filename: "",
  mediaType: "text/plain",
});

export const message = (fields: Partial<Message> = {}): Message => ({
  messageId: "m-1",
  contextId: "",
  taskId: "",
  role: Role.ROLE_USER,
  parts: [text("hello")],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
  ...fields,
});

export const request = (
  fields: Partial<Message> = {},
  returnImmediately = false,
  tenant = "",
): Parameters<Client["sendMessage"]>[0] => ({
  tenant,
  message: message(fields),
  configuration: { acceptedOutputModes: [], taskPushNotificationConfig: undefined, returnImmediately },
  metadata: undefined,
});

export const task = ({ taskId, contextId }: RequestContext, state: TaskState): Task => ({
  id: taskId,
  contextId,
  status: { state, message: undefined, timestamp: undefined },
  artifacts: [],
  history: [],
  metadata: undefined,
});

export const update = ({ taskId, contextId }: RequestContext, state: TaskState): TaskStatusUpdateEvent => ({
  taskId,
  contextId,
  status: { state, message: undefined, timestamp: undefined },
  metadata: undefined,
});

/** Works on a task and completes it. */
export const completes = (context: RequestContext, bus: ExecutionEventBus): void => {
  bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_WORKING)));
  bus.publish(AgentEvent.statusUpdate(update(context, TaskState.TASK_STATE_COMPLETED)));
};

/** Responds with a message and has no task. */
export const answers: Execute = ({ contextId }, bus) => {
  bus.publish(AgentEvent.message(message({ messageId: "answer", role: Role.ROLE_AGENT, contextId })));
};

export async function startAgent(setup: AgentSetup = {}): Promise<Agent> {
  const { name = "researcher", binding = "JSONRPC", version = "1.0", tenant = "", execute = completes, a2a = {} } = setup;
  const app = express();
  const server = createServer(app).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/agents/${name}`;
  const card: AgentCard = {
    name,
    description: `the ${name}`,
    version: "2.1",
    supportedInterfaces: [{ url, protocolBinding: binding, tenant, protocolVersion: version }],
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true, extensions: [], ...setup.capabilities },
    provider: undefined,
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: [],
    defaultOutputModes: [],
    skills: [],
    signatures: [],
  };
  const store = new InMemoryTaskStore();
  const executor: AgentExecutor = {
    execute: async (context, bus) => execute(context, bus),
    cancelTask: setup.cancelTask ?? (async () => {}),
  };
  const plain = new DefaultRequestHandler(card, store, executor, undefined, undefined, setup.sender, card);
  const given = setup.handler?.(plain) ?? plain;
  const handler = a2a === false ? given : wrapRequestHandler(given, a2a);
  const options = {
    requestHandler: handler,
    userBuilder: UserBuilder.noAuthentication,
    ...(setup.contextBuilder && { contextBuilder: setup.contextBuilder }),
    ...(version === "0.3" && { legacyCompat: { enabled: true } }),
  };
  if (setup.http !== false) app.use(traceRequests());
  app.use(`/agents/${name}/.well-known/agent-card.json`, agentCardHandler({ agentCardProvider: handler }));
  app.use(`/agents/${name}`, binding === "JSONRPC" ? jsonRpcHandler(options) : restHandler(options));
  return {
    card,
    port,
    server,
    store,
    handler,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A client of an agent, created by the SDK, whose HTTP requests are instrumented. */
export async function plainClient(
  agent: Pick<Agent, "card">,
  config: ClientConfig = {},
  fetchImpl: typeof fetch = wrapFetch((...args) => fetch(...args)),
): Promise<Client> {
  const options = { fetchImpl, legacyCompat: { enabled: true } };
  const transports = [new JsonRpcTransportFactory(options), new RestTransportFactory(options)];
  return new ClientFactory({ transports, clientConfig: config }).createFromAgentCard(structuredClone(agent.card));
}

export async function connect(agent: Pick<Agent, "card">, options?: A2AOptions, config?: ClientConfig): Promise<Client> {
  return wrapA2AClient(await plainClient(agent, config), options);
}

export async function drain<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const KINDS = ["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

const started = ({ startTime: [seconds, nanoseconds] }: ReadableSpan): number => seconds * 1e9 + nanoseconds;

/** The name of a span; of HTTP CLIENT spans only the method, without a URL template. */
function nameOf({ kind, name }: ReadableSpan): string {
  return kind === SpanKind.CLIENT && name.includes(" ") ? name.slice(0, name.indexOf(" ")) : name;
}

/** The spans as a tree of lines, siblings in the order of their start. */
export function tree(spans: readonly ReadableSpan[]): string[] {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const ordered = spans.toSorted((a, b) => started(a) - started(b));
  const lines: string[] = [];
  const add = (span: ReadableSpan, depth: number): void => {
    lines.push(`${"  ".repeat(depth)}${KINDS[span.kind]} ${nameOf(span)}`);
    for (const child of ordered) if (child.parentSpanContext?.spanId === span.spanContext().spanId) add(child, depth + 1);
  };
  for (const span of ordered) if (!ids.has(span.parentSpanContext?.spanId ?? "")) add(span, 0);
  return lines;
}

/** The span of a kind with a name. */
export function find(spans: readonly ReadableSpan[], kind: SpanKind, name: string): ReadableSpan {
  const found = spans.find((span) => span.kind === kind && nameOf(span) === name);
  if (found === undefined) throw new Error(`no ${KINDS[kind]} ${name} among:\n${tree(spans).join("\n")}`);
  return found;
}
