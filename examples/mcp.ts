import "./tracing.ts";
import { Message, SendMessageRequest } from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";
import { AgentEvent } from "@a2a-js/sdk/server";
import { fileURLToPath } from "node:url";
import { wrapA2AClient } from "a2a-otel/a2a";
import { startAgent } from "./a2a-server.ts";
import { httpServer, listen } from "./mcp-server.ts";
// #region readme
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { injectEnvironment } from "a2a-otel";
import { instrumentFetch } from "a2a-otel/fetch";
import { wrapMcpClient } from "a2a-otel/mcp";

// instrumentFetch creates the HTTP spans, wrapMcpClient a CLIENT span for each MCP request above them.
instrumentFetch();
const connect = async (target: URL | string[]): Promise<Client> => {
  const client = wrapMcpClient(new Client({ name: "agent", version: "1.0.0" }));
  // A child process receives the trace with each request, and that of its start in its environment.
  const child = (args: string[]): StdioClientTransport =>
    new StdioClientTransport({ command: process.execPath, args, env: injectEnvironment() });
  const transport = target instanceof URL ? new StreamableHTTPClientTransport(target) : child(target);
  await client.connect(transport);
  return client;
};
// #endregion
const overHttp = await connect(new URL(await listen()));
const overStdio = await connect([fileURLToPath(new URL("mcp-server.ts", import.meta.url)), "--stdio"]);
const agent = await startAgent(async ({ contextId }, bus) => {
  console.log("the agent calls its tools");
  for (const tools of [overHttp, overStdio]) await tools.callTool({ name: "time" });
  bus.publish(AgentEvent.message(Message.fromJSON({ messageId: "2", contextId, parts: [{ text: "done" }] })));
  bus.finished();
});
const caller = wrapA2AClient(await new ClientFactory().createFromUrl(agent.url));
await caller.sendMessage(SendMessageRequest.fromJSON({ message: { messageId: "1", role: "ROLE_USER", parts: [{ text: "hi" }] } }));
for (const each of [overHttp, overStdio, agent, httpServer]) void each.close();
