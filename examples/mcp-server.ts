/** The tool server of the MCP example: over Streamable HTTP, or over stdio if it is started with `--stdio`. */
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
// #region readme
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { wrapMcpServer } from "a2a-otel/mcp";
import { traceRequests } from "a2a-otel/server/node";
import { setupPropagation } from "a2a-otel/setup";

const newServer = (): McpServer => {
  const server = wrapMcpServer(new McpServer({ name: "tools", version: "1.0.0" }));
  server.registerTool("time", { description: "Says what time it is." }, () => ({ content: [{ type: "text", text: "a time" }] }));
  return server;
};

export const httpServer: Server = createServer(
  traceRequests(async (request, response) => {
    const transport = new StreamableHTTPServerTransport();
    await newServer().connect(transport);
    await transport.handleRequest(request, response);
  }),
);
// #endregion

export function listen(): Promise<string> {
  return new Promise((resolve) => {
    httpServer.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(httpServer.address() as AddressInfo).port}/mcp`));
  });
}

if (parseArgs({ strict: false }).values["stdio"] === true) {
  setupPropagation();
  await newServer().connect(new StdioServerTransport());
}
