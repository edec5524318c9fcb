import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";
import { askModel } from "./model.js";
import { isTraced, listen, listenerOf, next, note } from "./serve.js";

const mcp = isTraced ? await import("a2a-otel/mcp") : undefined;
const http = isTraced ? await import("a2a-otel/server/node") : undefined;

/** Calls a tool of the next agent. */
async function tools() {
  const plain = new Client({ name: "agent", version: "1" });
  const client = mcp?.wrapMcpClient(plain) ?? plain;
  await client.connect(new StreamableHTTPClientTransport(new URL(`${next()}/mcp`)));
  const { content } = await client.callTool({ name: "add", arguments: { task: "add" } });
  await client.close();
  return content[0].text;
}

function newServer() {
  const plain = new McpServer({ name: "tools", version: "1" });
  const server = mcp?.wrapMcpServer(plain) ?? plain;
  server.registerTool("add", { description: "Asks the model", inputSchema: { task: z.string() } }, async () => ({
    content: [{ type: "text", text: await askModel() }],
  }));
  return server;
}

const transports = new Map();
async function serveMcp(request, response) {
  note("/mcp", request.rawHeaders);
  let transport = transports.get(request.headers["mcp-session-id"]);
  if (transport === undefined) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
    });
    await newServer().connect(transport);
  }
  await transport.handleRequest(request, response);
}

const operate = listenerOf({ tools });
const listener = (request, response) => (request.url === "/mcp" ? serveMcp(request, response) : operate(request, response));
await listen(createServer(http?.traceRequests(listener) ?? listener));
