import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { ROOT_CONTEXT, SpanKind, context } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, expect, it } from "vitest";
import { wrapMcpClient } from "../../src/mcp.ts";
import { startMetrics } from "../server/metrics.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

const SERVER = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "tools", version: "1.0.0" } };

/** A transport of an application's own: it answers each request with a result, or with the given error. */
function newTransport(more: object = {}, error?: object): Transport {
  const transport: Transport = {
    start: async () => {},
    send: async (message) => {
      if (!("id" in message && "method" in message)) return;
      const { id, method } = message;
      const answer = error === undefined ? { result: method === "initialize" ? SERVER : {} } : { error };
      queueMicrotask(() => transport.onmessage?.({ jsonrpc: "2.0", id, ...answer } as JSONRPCMessage));
    },
    close: async () => transport.onclose?.(),
  };
  return Object.assign(transport, more);
}

const newClient = (): Client => wrapMcpClient(new Client({ name: "agent", version: "1.0.0" }));

let telemetry: TestTelemetry;
beforeEach(() => {
  telemetry = startTelemetry();
});
afterEach(() => telemetry.stop());

const spanOf = (name: string): ReadableSpan | undefined => telemetry.own().find((span) => span.name === name);

it.each([
  [
    { _url: new URL("wss://tools.example/mcp") },
    { "network.protocol.name": "websocket", "network.transport": "tcp", "server.address": "tools.example", "server.port": 443 },
  ],
  [{ url: "https://tools.example:8443/mcp" }, { "network.protocol.name": "http", "server.port": 8443 }],
])("records the server's address of a transport with %j", async (more, attributes) => {
  const client = newClient();
  await client.connect(newTransport(more));
  await client.ping();
  expect(spanOf("ping")?.attributes).toMatchObject(attributes);
  await client.close();
});

it.each<object>([{ url: 1 }, { url: "bus:tools" }, { constructor: undefined }])(
  "records no address of a transport that has no URL: %j",
  async (more) => {
    const client = newClient();
    await client.connect(newTransport(more));
    await client.ping();
    expect(Object.keys(spanOf("ping")?.attributes ?? {}).filter((name) => /^(?:network|server)\./.test(name))).toEqual([]);
    await client.close();
  },
);

it("records the error of a rejected initialize, also as that of the session", async () => {
  const metrics = startMetrics();
  const client = newClient();
  const transport = newTransport({}, { code: -32602, message: "Unsupported protocol version" });
  await expect(client.connect(transport)).rejects.toThrow("Unsupported protocol version");
  await client.close();
  expect(spanOf("initialize")?.attributes["error.type"]).toBe("-32602");
  expect(await metrics.counts("mcp.client.session.duration")).toEqual([[1, { "error.type": "-32602" }]]);
});

it("rejects as the SDK does if the transport cannot start, or is none", async () => {
  const start = (): Promise<void> => Promise.reject(new Error("no such program"));
  await expect(newClient().connect(newTransport({ start }))).rejects.toThrow("no such program");
  await expect(newClient().connect(undefined as never)).rejects.toThrow(TypeError);
  expect(telemetry.own()).toEqual([]);
});

it("ends the span of a notification whose transport returns no promise", async () => {
  const client = newClient();
  const transport = newTransport();
  const send = transport.send.bind(transport);
  transport.send = (message, options) => ("id" in message ? send(message, options) : (undefined as never));
  await client.connect(transport);
  expect(spanOf("notifications/initialized")?.ended).toBe(true);
  await client.close();
});

it("records a send that rejects with a value that is no Error", async () => {
  const client = newClient();
  const transport = newTransport();
  await client.connect(transport);
  transport.send = () => Promise.reject("broken pipe");
  await expect(client.ping()).rejects.toBe("broken pipe");
  expect(spanOf("ping")?.status.code).toBe(2);
  await client.close();
});

it("records no message while the application suppresses tracing", async () => {
  const client = newClient();
  const transport = newTransport();
  await client.connect(transport);
  telemetry.reset();
  await context.with(suppressTracing(ROOT_CONTEXT), async () => {
    await client.ping();
    transport.onmessage?.({ jsonrpc: "2.0", id: 9, method: "ping" });
  });
  expect(telemetry.started()).toBe(0);
  await client.close();
});

it("starts a trace for a message whose trace context is invalid", async () => {
  const client = newClient();
  const transport = newTransport();
  await client.connect(transport);
  telemetry.reset();
  transport.onmessage?.({ jsonrpc: "2.0", id: 9, method: "ping", params: { _meta: { traceparent: "nonsense" } } });
  await telemetry.settled();
  const [received] = telemetry.own();
  expect(received?.kind).toBe(SpanKind.SERVER);
  expect(received?.parentSpanContext).toBeUndefined();
  expect(received?.links).toEqual([]);
  await client.close();
});
