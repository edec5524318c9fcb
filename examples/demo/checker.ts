import { createServer, get } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { json, text } from "node:stream/consumers";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { context } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { wrapMcpClient, wrapMcpServer } from "a2a-otel/mcp";
import { instrumentNode } from "a2a-otel/node";
import { traceRequests } from "a2a-otel/server/node";
import { connectToDemo } from "./agent.ts";
import { inSpan } from "./telemetry.ts";

// Every outbound HTTP request of this process, also those of node:http.
instrumentNode({ startSpanHook: () => ({ "demo.client": "node:http" }) });

const agent = connectToDemo("checker");
// Without spans, because the connection belongs to no request.
const tools = await context.with(suppressTracing(context.active()), connectTools);
await agent.listen(createServer(traceRequests((request, response) => void answer(request, response))));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url !== "/check") {
    response.writeHead(404).end();
    return;
  }
  const { claims } = (await json(request)) as { claims: string[] };
  const unsupported = await inSpan("check claims", {}, () => check(claims));
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ unsupported }));
}

/** Returns the claims that are not in the researcher's notes word for word. */
async function check(claims: readonly string[]): Promise<string[]> {
  const { content } = await tools.callTool({ name: "notes" });
  const notes = JSON.stringify(content);
  return claims.filter((claim) => !notes.includes(JSON.stringify(claim).slice(1, -1)));
}

/** An MCP server with the tool `notes`, in this process, and a client of it. */
async function connectTools(): Promise<Client> {
  const server = wrapMcpServer(new McpServer({ name: "library", version: "1.0.0" }));
  server.registerTool("notes", { description: "Returns the researcher's notes." }, async () => ({
    content: [{ type: "text", text: await readNotes(`${await agent.urlOf("researcher")}/notes`) }],
  }));
  const client = wrapMcpClient(new Client({ name: "checker", version: "1.0.0" }));
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far), client.connect(near)]);
  return client;
}

function readNotes(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, (response) => resolve(text(response))).on("error", reject);
  });
}
