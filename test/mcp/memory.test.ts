import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { expect, it } from "vitest";
import { wrapMcpClient, wrapMcpServer } from "../../src/mcp.ts";
import { inSpan, startTelemetry } from "../support/telemetry.ts";

it("records a tool call on both sides, in one trace", async () => {
  const telemetry = startTelemetry();
  const server = wrapMcpServer(new McpServer({ name: "tools", version: "1.0.0" }));
  server.registerTool("hello", {}, () => inSpan("work", () => ({ content: [{ type: "text", text: "hello" }] })));
  const client = wrapMcpClient(new Client({ name: "agent", version: "1.0.0" }));
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far), client.connect(near)]);
  telemetry.reset();
  await inSpan("agent", () => client.callTool({ name: "hello" }));
  await client.close();
  const [work, received, sent, agent] = telemetry.spans();
  expect([work, received, sent, agent].map((span) => span?.name)).toEqual([
    "work",
    "tools/call hello",
    "tools/call hello",
    "agent",
  ]);
  expect(work?.parentSpanContext?.spanId).toBe(received?.spanContext().spanId);
  expect(received?.parentSpanContext?.spanId).toBe(sent?.spanContext().spanId);
  expect(sent?.parentSpanContext?.spanId).toBe(agent?.spanContext().spanId);
  await telemetry.stop();
});
