import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { McpServer, createMcpHandler } from "@modelcontextprotocol/server";
import type { McpHttpHandler } from "@modelcontextprotocol/server";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import { wrapMcpClient, wrapMcpServer } from "../../src/mcp.ts";
import { traceRequests } from "../../src/server/node.ts";
import { inSpan, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { treeOf } from "./peers.ts";

// MCP 2026-07-28 over HTTP: no initialize, no sessions, and a server and connection for each request.
const REVISION = "2026-07-28";
const INFO = { name: "test", version: "1.0.0" };

let telemetry: TestTelemetry;
let undo: () => void;
let handler: McpHttpHandler;
let server: Server;
let client: Client;

function newServer(): McpServer {
  const tools = wrapMcpServer(new McpServer(INFO, { capabilities: { tools: { listChanged: true } } }));
  tools.registerTool("run", {}, async () => {
    await inSpan("work", () => {});
    return { content: [] };
  });
  tools.registerTool("fail", {}, () => ({ content: [], isError: true }));
  tools.registerTool(
    "wait",
    {},
    ({ mcpReq }) => new Promise<never>((_, reject) => mcpReq.signal.addEventListener("abort", reject)),
  );
  return tools;
}

beforeEach(async () => {
  telemetry = startTelemetry();
  undo = instrumentFetch();
  handler = createMcpHandler(newServer);
  const listener = toNodeHandler(handler);
  type Incoming = Parameters<typeof listener>[0];
  server = createServer(traceRequests((request, response) => void listener(request as Incoming, response)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  client = wrapMcpClient(new Client(INFO, { versionNegotiation: { mode: { pin: REVISION } } }));
  const { port } = server.address() as AddressInfo;
  await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`)));
  await telemetry.settled();
});

afterEach(async () => {
  await client.close();
  await handler.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  undo();
  await telemetry.stop();
});

const spanOf = (kind: SpanKind, name: string): ReadableSpan | undefined =>
  telemetry.own().find((span) => span.kind === kind && span.name === name);

it("makes one trace of a tool call, its HTTP request and what the tool does", async () => {
  telemetry.reset();
  await inSpan("agent", () => client.callTool({ name: "run" }));
  await telemetry.settled();
  expect(treeOf(telemetry.spans()).toSorted()).toEqual([
    "CLIENT POST < CLIENT tools/call run",
    "CLIENT tools/call run < INTERNAL agent",
    "INTERNAL agent < root",
    "INTERNAL work < SERVER tools/call run",
    "SERVER POST < CLIENT POST",
    "SERVER tools/call run < CLIENT tools/call run",
  ]);
  expect(spanOf(SpanKind.SERVER, "tools/call run")?.links.map((link) => link.context.spanId)).toEqual([
    spanOf(SpanKind.SERVER, "POST")?.spanContext().spanId,
  ]);
});

it("records the revision that each request states", async () => {
  telemetry.reset();
  await client.callTool({ name: "run" });
  await telemetry.settled();
  for (const kind of [SpanKind.CLIENT, SpanKind.SERVER]) {
    expect(spanOf(kind, "tools/call run")?.attributes).toMatchObject({
      "mcp.protocol.version": REVISION,
      "network.protocol.name": "http",
      "gen_ai.tool.name": "run",
    });
  }
});

it("records a result with isError on both sides", async () => {
  telemetry.reset();
  await client.callTool({ name: "fail" });
  await telemetry.settled();
  const types = [SpanKind.CLIENT, SpanKind.SERVER].map((kind) => spanOf(kind, "tools/call fail")?.attributes["error.type"]);
  expect(types).toEqual(["tool_error", "tool_error"]);
});

it("records no error if the application cancels a request, which closes its connection", async () => {
  telemetry.reset();
  const controller = new AbortController();
  const call = client.callTool({ name: "wait" }, { signal: controller.signal });
  await until(() => telemetry.started() >= 4);
  controller.abort("not needed any more");
  await expect(call).rejects.toThrow("not needed any more");
  await telemetry.settled();
  for (const kind of [SpanKind.CLIENT, SpanKind.SERVER]) {
    expect(spanOf(kind, "tools/call wait")?.status.code).toBe(SpanStatusCode.UNSET);
  }
});

it("ends the spans of subscriptions/listen when it is acknowledged, not with its stream", async () => {
  telemetry.reset();
  const changed = vi.fn<() => void>();
  client.setNotificationHandler("notifications/tools/list_changed", changed);
  const subscription = await inSpan("agent", () => client.listen({ toolsListChanged: true }));
  await until(() => spanOf(SpanKind.CLIENT, "subscriptions/listen") !== undefined && spanOf(SpanKind.CLIENT, "POST") !== undefined);
  expect(spanOf(SpanKind.CLIENT, "subscriptions/listen")?.status.code).toBe(SpanStatusCode.UNSET);
  telemetry.reset();
  handler.notify.toolsChanged();
  await until(() => changed.mock.calls.length === 1);
  await until(() => spanOf(SpanKind.SERVER, "notifications/tools/list_changed") !== undefined);
  // The stream does not keep the trace in which it was opened.
  expect(spanOf(SpanKind.SERVER, "notifications/tools/list_changed")?.parentSpanContext).toBeUndefined();
  await subscription.close();
});
