import * as client2 from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import * as server2 from "@modelcontextprotocol/server";
import { use } from "./uses.mjs";

const { wrapMcpClient, wrapMcpServer } = await use("./mcp");

const INFO = { name: "tools", version: "1.0.0" };
const greet = () => ({ content: [{ type: "text", text: "mcp" }] });

/** Clients and servers of both majors of the SDK. */
const PEERS = {
  v1() {
    const server = new McpServer(INFO);
    server.tool("greet", greet);
    return { client: new Client(INFO), server, transports: InMemoryTransport.createLinkedPair() };
  },

  v2() {
    const server = new server2.McpServer(INFO);
    server.registerTool("greet", {}, greet);
    return { client: new client2.Client(INFO), server, transports: client2.InMemoryTransport.createLinkedPair() };
  },
};

/** Calls a tool of an MCP server in this process, and returns its text. */
export async function callTool(version) {
  const peers = PEERS[version]();
  const client = wrapMcpClient(peers.client);
  const [near, far] = peers.transports;
  await wrapMcpServer(peers.server).connect(far);
  await client.connect(near);
  const { content } = await client.callTool({ name: "greet" });
  await client.close();
  return content[0].text;
}
