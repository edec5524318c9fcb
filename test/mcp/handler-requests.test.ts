import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { ListRootsRequestSchema, ListRootsResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { wrapMcpClient, wrapMcpServer } from "../../src/mcp.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

const INFO = { name: "test", version: "1.0.0" };

let telemetry: TestTelemetry;
beforeEach(() => {
  telemetry = startTelemetry();
});
afterEach(() => telemetry.stop());

/** Calls a tool whose handler asks for the client's roots by the function that the SDK passes to it. The client does not answer, but calls `asked`. */
async function connect(options: RequestOptions, asked: () => void = () => {}): Promise<Client> {
  const server = wrapMcpServer(new McpServer(INFO));
  server.registerTool("roots", {}, async ({ sendRequest }) => {
    await sendRequest({ method: "roots/list" }, ListRootsResultSchema, options);
    return { content: [] };
  });
  const client = wrapMcpClient(new Client(INFO, { capabilities: { roots: {} } }));
  client.setRequestHandler(ListRootsRequestSchema, () => {
    asked();
    return new Promise<never>(() => {});
  });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far), client.connect(near)]);
  return client;
}

const sent = (): ReadableSpan | undefined =>
  telemetry.own().find(({ kind, name }) => kind === SpanKind.CLIENT && name === "roots/list");

describe("a request that a handler sends with the function of the SDK", () => {
  it("has the SDK's code as its error if it times out", async () => {
    const client = await connect({ timeout: 10 });
    await client.callTool({ name: "roots" });
    expect(sent()?.attributes["error.type"]).toBe("-32001");
    expect(sent()?.status.code).toBe(SpanStatusCode.ERROR);
    await client.close();
  });

  it("is an error if a signal of AbortSignal.timeout() aborts it", async () => {
    const client = await connect({ signal: AbortSignal.timeout(10) });
    await client.callTool({ name: "roots" });
    expect(sent()?.attributes["error.type"]).toBe("TimeoutError");
    await client.close();
  });

  it("is no error if the application cancels it", async () => {
    const controller = new AbortController();
    const client = await connect({ signal: controller.signal }, () => controller.abort("not needed any more"));
    await client.callTool({ name: "roots" });
    expect(sent()?.status.code).toBe(SpanStatusCode.UNSET);
    await client.close();
  });

  it("is an error if the connection is closed", async () => {
    let close = (): void => {};
    const client = await connect({}, () => close());
    close = () => void client.close();
    await expect(client.callTool({ name: "roots" })).rejects.toThrow("Connection closed");
    await telemetry.settled();
    expect(sent()?.attributes["error.type"]).toBe("CONNECTION_CLOSED");
  });
});
