import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { StreamableHTTPClientTransport as Transport2 } from "@modelcontextprotocol/client";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import { wrapMcpServer } from "../../src/mcp.ts";
import type { McpOptions } from "../../src/mcp.ts";
import { inSpan, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { VERSIONS, listenHttp, newClient, newServer, treeOf } from "./peers.ts";
import type { Version } from "./peers.ts";

let telemetry: TestTelemetry;
let undo: () => void;
beforeEach(() => {
  telemetry = startTelemetry();
  undo = instrumentFetch();
});
afterEach(async () => {
  undo();
  await telemetry.stop();
});

const newTransport = (version: Version, url: URL): Transport =>
  version === "v1" ? new StreamableHTTPClientTransport(url) : new Transport2(url);

const clientSpans = (method: string): ReadableSpan[] =>
  telemetry.own().filter(({ name, kind }) => name === method && kind === SpanKind.CLIENT);

describe.each(VERSIONS)("a client of %s over Streamable HTTP", (version) => {
  it("has one trace from the agent through the tool to the client's model, in each turn", async () => {
    const { url, stop } = await listenHttp("stateful");
    const client = newClient(version);
    await inSpan("connect", () => client.connect(newTransport(version, url)));
    await until(() => clientSpans("GET").length === 1);
    for (const turn of ["first", "second"]) {
      telemetry.reset();
      await inSpan(turn, () => client.callTool({ name: "ask" }));
      await telemetry.settled();
      const spans = telemetry.spans();
      expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
      expect(treeOf(spans)).toEqual(
        expect.arrayContaining([
          "SERVER sampling/createMessage < CLIENT sampling/createMessage",
          "CLIENT sampling/createMessage < SERVER tools/call ask",
          "SERVER tools/call ask < CLIENT tools/call ask",
          "CLIENT POST < CLIENT tools/call ask",
          `CLIENT tools/call ask < INTERNAL ${turn}`,
        ]),
      );
    }
    await client.close();
    await stop();
  });

  it("links the SERVER span to that of the HTTP request", async () => {
    const { url, stop } = await listenHttp("stateless");
    const client = newClient(version);
    await client.connect(newTransport(version, url));
    await until(() => clientSpans("GET").length === 1);
    telemetry.reset();
    await client.callTool({ name: "run" });
    await telemetry.settled();
    const received = telemetry.own().find(({ name, kind }) => name === "tools/call run" && kind === SpanKind.SERVER);
    const http = telemetry.own().find(({ name, kind }) => name === "POST" && kind === SpanKind.SERVER);
    expect(received?.links.map((link) => link.context.spanId)).toEqual([http?.spanContext().spanId]);
    expect(received?.attributes).toMatchObject({
      "client.address": "127.0.0.1",
      "mcp.protocol.version": "2025-11-25",
      "network.protocol.name": "http",
      "network.transport": "tcp",
    });
    await client.close();
    await stop();
  });

  it("makes the span of the HTTP request the parent, without a link to the sender, with incoming: ignore", async () => {
    const { url, stop } = await listenHttp("stateless", { incoming: "ignore" });
    const client = newClient(version);
    await client.connect(newTransport(version, url));
    await until(() => clientSpans("GET").length === 1);
    telemetry.reset();
    await client.callTool({ name: "run" });
    await telemetry.settled();
    expect(treeOf(telemetry.own())).toContain("SERVER tools/call run < SERVER POST");
    const received = telemetry.own().find(({ name, kind }) => name === "tools/call run" && kind === SpanKind.SERVER);
    expect(received?.links).toEqual([]);
    await client.close();
    await stop();
  });

  it("gives the standing GET a trace of its own, which ends at the headers", async () => {
    const { url, stop } = await listenHttp("stateful");
    const client = newClient(version);
    await inSpan("connect", () => client.connect(newTransport(version, url)));
    await until(() => clientSpans("GET").length === 1);
    const [get] = clientSpans("GET");
    expect(get?.parentSpanContext).toBeUndefined();
    expect(get?.attributes["http.response.status_code"]).toBe(200);
    await client.close();
    await stop();
  });

  it("records no error for a 405 on the optional GET and DELETE", async () => {
    const { url, stop } = await listenHttp("stateful");
    const client = newClient(version);
    const transport = newTransport(version, url) as unknown as StreamableHTTPClientTransport;
    await client.connect(transport);
    await transport.terminateSession();
    const stateless = await listenHttp("stateless");
    const other = newClient(version);
    await other.connect(newTransport(version, stateless.url));
    await until(() => clientSpans("GET").length === 2);
    const probes = [...clientSpans("GET"), ...clientSpans("DELETE")].filter(
      ({ attributes }) => attributes["http.response.status_code"] === 405,
    );
    expect(probes.map(({ status, attributes }) => [status.code, attributes["error.type"]])).toEqual([
      [SpanStatusCode.UNSET, undefined],
      [SpanStatusCode.UNSET, undefined],
    ]);
    await Promise.all([client.close(), other.close()]);
    await Promise.all([stop(), stateless.stop()]);
  });

  it.each<{ options: McpOptions; isSent: boolean }>([
    { options: { propagateTo: "127.0.0.1" }, isSent: true },
    { options: { propagateTo: "tools.example" }, isSent: false },
  ])("applies the policy $options to the URL of the server", async ({ options, isSent }) => {
    const { url, stop } = await listenHttp("stateless");
    const client = newClient(version, options);
    await client.connect(newTransport(version, url));
    await until(() => clientSpans("GET").length === 1);
    telemetry.reset();
    await client.callTool({ name: "run" });
    await telemetry.settled();
    const [received, sent] = [SpanKind.SERVER, SpanKind.CLIENT].map((kind) =>
      telemetry.own().find((span) => span.kind === kind && span.name === "tools/call run"),
    );
    expect(received?.parentSpanContext?.spanId === sent?.spanContext().spanId).toBe(isSent);
    await client.close();
    await stop();
  });
});

it("follows the transport of HTTP with server-sent events", async () => {
  let sse: SSEServerTransport | undefined;
  const server = createServer((request, response) => {
    if (request.method === "GET") {
      sse = new SSEServerTransport("/messages", response);
      void wrapMcpServer(newServer()).connect(sse);
    } else void sse?.handlePostMessage(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = newClient("v1");
  await client.connect(new SSEClientTransport(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`)));
  telemetry.reset();
  await inSpan("agent", () => client.callTool({ name: "ask" }));
  await telemetry.settled();
  expect(treeOf(telemetry.spans())).toEqual(
    expect.arrayContaining([
      "SERVER sampling/createMessage < CLIENT sampling/createMessage",
      "SERVER tools/call ask < CLIENT tools/call ask",
      "CLIENT tools/call ask < INTERNAL agent",
    ]),
  );
  await client.close();
  server.closeAllConnections();
  server.close();
});
