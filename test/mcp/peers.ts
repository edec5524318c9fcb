import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Client as Client2, InMemoryTransport as InMemory2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport as InMemory1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as McpServer1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServer2 } from "@modelcontextprotocol/server";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { z } from "zod";
import { wrapMcpClient, wrapMcpServer } from "../../src/mcp.ts";
import type { McpOptions } from "../../src/mcp.ts";
import { traceRequests } from "../../src/server/node.ts";

export type Version = "v1" | "v2";
export const VERSIONS: readonly Version[] = ["v1", "v2"];

export interface PeerOptions {
  readonly client?: McpOptions;
  readonly server?: McpOptions;
}

const INFO = { name: "test", version: "1.0.0" };
const ANSWER = { model: "m", role: "assistant", content: { type: "text", text: "sampled" } } as const;

/** Runs in the handler of the tool `run`. */
export type Work = () => unknown;

/** A server of v1 with the tools `run` (works), `fail` (throws), `ask` (asks the client's model) and `wait` (until released), a prompt and a resource. */
export function newServer(work: Work = () => {}): McpServer1 {
  const server = new McpServer1(INFO, { capabilities: { logging: {} } });
  addFeatures(server, work);
  return server;
}

function addFeatures(server: McpServer1, work: Work): void {
  const text = (value: string): { content: { type: "text"; text: string }[] } => ({ content: [{ type: "text", text: value }] });
  server.registerTool("run", { inputSchema: { secret: z.string().optional() } }, async () => {
    await work();
    return text("done");
  });
  server.registerTool("fail", {}, () => {
    throw new Error("no such luck");
  });
  server.registerTool("ask", {}, async () => {
    const { model } = await server.server.createMessage({ messages: [], maxTokens: 1 });
    return text(model);
  });
  server.registerTool("wait", {}, () => new Promise<never>(() => {}));
  server.registerPrompt("greet", { argsSchema: { who: z.string() } }, ({ who }) => ({
    messages: [{ role: "user", content: { type: "text", text: who } }],
  }));
  server.registerResource("page", "test://page", {}, (uri) => ({ contents: [{ uri: uri.href, text: "page" }] }));
}

/** The client and the server of a version, connected in memory and wrapped. Both versions have the methods that the tests use. */
export async function connectInMemory(version: Version, options: PeerOptions = {}, work?: Work): Promise<Connected> {
  const server = wrapMcpServer(version === "v1" ? newServer(work) : newServer2(work), options.server);
  const client = newClient(version, options.client);
  const [near, far] = version === "v1" ? InMemory1.createLinkedPair() : InMemory2.createLinkedPair();
  await Promise.all([server.connect(far), client.connect(near)]);
  return { client, server, transport: near };
}

export interface Connected {
  readonly client: Client1;
  readonly server: McpServer1;
  readonly transport: Transport;
}

/** The same of v2, with the type of v1. */
export function newServer2(work?: Work): McpServer1 {
  const server = new McpServer2(INFO, { capabilities: { logging: {} } }) as unknown as McpServer1;
  addFeatures(server, work ?? (() => {}));
  return server;
}

/** A wrapped client that answers sampling. */
export function newClient(version: Version, options?: McpOptions): Client1 {
  const capabilities = { capabilities: { sampling: {}, roots: {} } };
  if (version === "v1") {
    const client = wrapMcpClient(new Client1(INFO, capabilities), options);
    client.setRequestHandler(CreateMessageRequestSchema, () => ANSWER);
    return client;
  }
  const client = wrapMcpClient(new Client2(INFO, capabilities), options);
  client.setRequestHandler("sampling/createMessage", () => ANSWER);
  return client as unknown as Client1;
}

/** A server over Streamable HTTP on loopback, with one session or without sessions. */
export async function listenHttp(
  kind: "stateful" | "stateless",
  options?: McpOptions,
): Promise<{ url: URL; stop: () => Promise<void> }> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const known = sessions.get(String(request.headers["mcp-session-id"]));
    if (request.method === "DELETE" || (kind === "stateless" && request.method === "GET")) {
      response.writeHead(405).end();
      return;
    }
    if (known !== undefined) {
      await known.handleRequest(request, response);
      return;
    }
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport(
      kind === "stateful"
        ? { sessionIdGenerator: () => randomUUID(), onsessioninitialized: (id) => void sessions.set(id, transport) }
        : {},
    );
    await wrapMcpServer(newServer(), options).connect(transport);
    await transport.handleRequest(request, response);
  };
  const server: HttpServer = createServer(traceRequests((request, response) => void listener(request, response)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`),
    stop: async () => {
      for (const transport of sessions.values()) await transport.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Describes each span by its kind, its name and its parent among the given spans. */
export function treeOf(spans: readonly ReadableSpan[]): string[] {
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span]));
  const label = ({ kind, name }: ReadableSpan): string => `${["INTERNAL", "SERVER", "CLIENT"][kind] ?? kind} ${name}`;
  return spans.map((span) => {
    const parent = names.get(span.parentSpanContext?.spanId ?? "");
    return `${label(span)} < ${parent === undefined ? "root" : label(parent)}`;
  });
}
