import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import { wrapMcpClient, wrapMcpServer } from "../../../src/mcp.ts";
import type { Suite } from "./suite.ts";

interface Wrap {
  readonly client: (client: Client) => Client;
  readonly server: (server: McpServer) => McpServer;
}

const same = <T>(value: T): T => value;

async function withClient(wrap: Wrap, check: (client: Client, server: McpServer) => Promise<void>): Promise<void> {
  const server = wrap.server(new McpServer({ name: "tools", version: "1.0.0" }, { capabilities: { logging: {} } }));
  server.registerTool("add", { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
    content: [{ type: "text", text: String(a + b) }],
  }));
  server.registerTool("fail", {}, () => {
    throw new Error("it failed");
  });
  server.registerTool("slow", {}, async (extra) => {
    const { _meta, signal } = extra;
    await extra.sendNotification({
      method: "notifications/progress",
      params: { progressToken: _meta?.progressToken ?? 0, progress: 1 },
    });
    if (_meta?.progressToken === undefined) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return { content: [] };
  });
  server.registerResource("greeting", new ResourceTemplate("hello://{name}", { list: undefined }), {}, (uri, { name }) => ({
    contents: [{ uri: uri.href, text: `hello ${String(name)}` }],
  }));
  server.registerPrompt("ask", {}, () => ({ messages: [{ role: "user", content: { type: "text", text: "why" } }] }));
  const client = wrap.client(new Client({ name: "agent", version: "1.0.0" }));
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far), client.connect(near)]);
  try {
    await check(client, server);
  } finally {
    await client.close();
  }
}

export const mcpSuite: Suite<Wrap> = {
  name: "@modelcontextprotocol/sdk",
  source: "MCP specification, the SDK's README",
  plain: () => ({ client: same, server: same }),
  variants: {
    "`wrapMcpClient`": () => ({ subject: { client: wrapMcpClient, server: same } }),
    "`wrapMcpServer`": () => ({ subject: { client: same, server: wrapMcpServer } }),
    both: () => ({ subject: { client: wrapMcpClient, server: wrapMcpServer } }),
  },
  checks: {
    "initialize exchanges names and capabilities": async (wrap) =>
      withClient(wrap, async (client) => {
        assert.deepEqual(client.getServerVersion(), { name: "tools", version: "1.0.0" });
        assert.ok(client.getServerCapabilities()?.tools);
      }),
    "ping is answered": async (wrap) => withClient(wrap, async (client) => assert.deepEqual(await client.ping(), {})),
    "tools/list lists the tools": async (wrap) =>
      withClient(wrap, async (client) =>
        assert.deepEqual(
          (await client.listTools()).tools.map(({ name }) => name),
          ["add", "fail", "slow"],
        ),
      ),
    "tools/call returns the content": async (wrap) =>
      withClient(wrap, async (client) =>
        assert.deepEqual((await client.callTool({ name: "add", arguments: { a: 1, b: 2 } })).content, [
          { type: "text", text: "3" },
        ]),
      ),
    "tools/call returns isError for a tool that throws": async (wrap) =>
      withClient(wrap, async (client) => assert.equal((await client.callTool({ name: "fail" })).isError, true)),
    "tools/call validates the arguments": async (wrap) =>
      withClient(wrap, async (client) =>
        assert.equal((await client.callTool({ name: "add", arguments: { a: "x" } })).isError, true),
      ),
    "resources/read fills the template": async (wrap) =>
      withClient(wrap, async (client) =>
        assert.deepEqual((await client.readResource({ uri: "hello://you" })).contents, [{ uri: "hello://you", text: "hello you" }]),
      ),
    "prompts/get returns the messages": async (wrap) =>
      withClient(wrap, async (client) => assert.equal((await client.getPrompt({ name: "ask" })).messages.length, 1)),
    "an unknown resource is rejected with its code": async (wrap) =>
      withClient(wrap, async (client) => assert.rejects(() => client.readResource({ uri: "other://x" }), { code: -32602 })),
    "progress is reported": async (wrap) =>
      withClient(wrap, async (client) => {
        let progress = 0;
        await client.callTool({ name: "slow" }, undefined, { onprogress: (event) => void (progress = event.progress) });
        assert.equal(progress, 1);
      }),
    "an aborted signal cancels the request": async (wrap) =>
      withClient(wrap, async (client) => {
        const controller = new AbortController();
        const pending = client.callTool({ name: "slow" }, undefined, { signal: controller.signal });
        setImmediate(() => controller.abort("enough"));
        await assert.rejects(pending);
      }),
    "close() rejects requests in progress": async (wrap) =>
      withClient(wrap, async (client) => {
        const pending = assert.rejects(client.callTool({ name: "slow" }));
        await client.close();
        await pending;
      }),
  },
};
