import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Attributes } from "@opentelemetry/api";
import type { DataPoint, Histogram } from "@opentelemetry/sdk-metrics";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startMetrics } from "../server/metrics.ts";
import type { TestMetrics } from "../server/metrics.ts";
import { clearGlobals, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { VERSIONS, connectInMemory, listenHttp, newClient } from "./peers.ts";

const NAMES = [
  "mcp.client.operation.duration",
  "mcp.server.operation.duration",
  "mcp.client.session.duration",
  "mcp.server.session.duration",
] as const;

// OpenTelemetry's conventions for MCP.
const BOUNDARIES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

let telemetry: TestTelemetry;
let metrics: TestMetrics;
beforeEach(() => {
  telemetry = startTelemetry();
  metrics = startMetrics();
});
afterEach(async () => {
  await metrics.provider.shutdown();
  await telemetry.stop();
});

async function pointsOf(name: string): Promise<DataPoint<Histogram>[]> {
  const data = await metrics.read(name);
  return data.flatMap(({ dataPoints }) => dataPoints as DataPoint<Histogram>[]);
}

async function attributesOf(name: string, method: string): Promise<Attributes | undefined> {
  const points = await pointsOf(name);
  return points.find(({ attributes }) => attributes["mcp.method.name"] === method)?.attributes;
}

describe.each(VERSIONS)("the histograms of a client and a server of %s", (version) => {
  it.each(NAMES)("include %s in seconds, with the boundaries of the conventions", async (name) => {
    const { client } = await connectInMemory(version);
    await client.close();
    const [metric] = await metrics.read(name);
    expect(metric?.descriptor).toMatchObject({ name, unit: "s" });
    const [point] = await pointsOf(name);
    expect(point?.value.buckets.boundaries).toEqual(BOUNDARIES);
    expect(point?.value.sum).toBeGreaterThanOrEqual(0);
    expect(point?.value.sum).toBeLessThan(10);
  });

  it.each(["mcp.client.operation.duration", "mcp.server.operation.duration"])(
    "have the attributes of low cardinality in %s",
    async (name) => {
      const recording = { recordToolArguments: true, recordToolResults: true, recordPromptVariables: true };
      const { client } = await connectInMemory(version, { client: recording, server: recording });
      await client.callTool({ name: "run", arguments: { secret: "s" } });
      await client.callTool({ name: "fail" });
      await client.getPrompt({ name: "greet", arguments: { who: "you" } });
      await client.readResource({ uri: "test://page" });
      await client.close();
      const points = await pointsOf(name);
      const calls = points.filter(({ attributes }) => attributes["mcp.method.name"] === "tools/call");
      const call = {
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2025-11-25",
        "gen_ai.operation.name": "execute_tool",
      };
      expect(calls.map(({ attributes }) => attributes)).toEqual([
        { ...call, "gen_ai.tool.name": "run" },
        { ...call, "gen_ai.tool.name": "fail", "error.type": "tool_error" },
      ]);
      expect(await attributesOf(name, "prompts/get")).toEqual({
        "mcp.method.name": "prompts/get",
        "mcp.protocol.version": "2025-11-25",
        "gen_ai.prompt.name": "greet",
      });
      expect(await attributesOf(name, "resources/read")).toEqual({
        "mcp.method.name": "resources/read",
        "mcp.protocol.version": "2025-11-25",
      });
    },
  );

  it("have the code of a JSON-RPC error", async () => {
    const { client } = await connectInMemory(version);
    await expect(client.readResource({ uri: "test://missing" })).rejects.toThrow("not found");
    const sent = await attributesOf("mcp.client.operation.duration", "resources/read");
    expect(sent?.["error.type"]).toMatch(/^-32\d{3}$/);
    expect(sent?.["rpc.response.status_code"]).toBe(sent?.["error.type"]);
    await client.close();
  });

  it("record one session for each connection, when it is closed", async () => {
    const { client } = await connectInMemory(version);
    await client.ping();
    expect(await pointsOf("mcp.client.session.duration")).toEqual([]);
    await client.close();
    for (const side of ["client", "server"]) {
      const [point] = await pointsOf(`mcp.${side}.session.duration`);
      expect(point?.value.count).toBe(1);
      expect(point?.attributes).toEqual({ "mcp.protocol.version": "2025-11-25" });
    }
  });

  it("are recorded without a tracer provider, by the given meter provider", async () => {
    clearGlobals();
    const meterProvider = metrics.provider;
    const { client } = await connectInMemory(version, { client: { meterProvider }, server: { meterProvider } });
    await client.ping();
    await client.close();
    for (const side of ["client", "server"]) {
      expect(await attributesOf(`mcp.${side}.operation.duration`, "ping")).toMatchObject({ "mcp.method.name": "ping" });
    }
  });
});

it("has the server's address and the protocol in the durations of a client over HTTP", async () => {
  const { url, stop } = await listenHttp("stateful");
  const client = newClient("v1");
  await client.connect(new StreamableHTTPClientTransport(url));
  await client.ping();
  await client.close();
  await stop();
  const network = { "network.protocol.name": "http", "server.address": "127.0.0.1", "server.port": Number(url.port) };
  expect(await attributesOf("mcp.client.operation.duration", "ping")).toMatchObject({ ...network, "network.transport": "tcp" });
  const [session] = await pointsOf("mcp.client.session.duration");
  expect(session?.attributes).toEqual({ ...network, "mcp.protocol.version": "2025-11-25" });
  const received = await attributesOf("mcp.server.operation.duration", "ping");
  expect(Object.keys(received ?? {}).filter((name) => /^client\.|session/.test(name))).toEqual([]);
});
