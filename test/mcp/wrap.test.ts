import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport as InMemory1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as McpServer1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { wrapMcpClient, wrapMcpServer } from "../../src/mcp.ts";
import type { McpEndpoint, McpOptions } from "../../src/mcp.ts";
import { inSpan, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { treeOf } from "./peers.ts";

const INFO = { name: "test", version: "1.0.0" };

/** Plain clients and servers of both versions. Both have the methods that the tests use. */
const PEERS = {
  v1: () => ({ client: new Client1(INFO), server: new McpServer1(INFO), transports: InMemory1.createLinkedPair() }),
  v2: () =>
    ({
      client: new Client(INFO),
      server: new McpServer(INFO),
      transports: InMemoryTransport.createLinkedPair(),
    }) as unknown as ReturnType<typeof PEERS.v1>,
};

let telemetry: TestTelemetry;
beforeEach(() => {
  telemetry = startTelemetry();
});
afterEach(() => telemetry.stop());

describe.each(Object.entries(PEERS))("wrapping with %s", (_version, newPeers) => {
  it("follows a client and a server that are connected already", async () => {
    const { client, server, transports } = newPeers();
    server.registerTool("run", {}, () => ({ content: [] }));
    await server.connect(transports[1]);
    await client.connect(transports[0]);
    wrapMcpServer(server);
    const wrapped = wrapMcpClient(client);
    expect(telemetry.own()).toEqual([]);
    await inSpan("agent", () => wrapped.callTool({ name: "run" }));
    expect(treeOf(telemetry.spans())).toEqual([
      "SERVER tools/call run < CLIENT tools/call run",
      "CLIENT tools/call run < INTERNAL agent",
      "INTERNAL agent < root",
    ]);
    await wrapped.close();
  });

  it("records a message once if the connected client is wrapped twice", async () => {
    const { client, server, transports } = newPeers();
    await server.connect(transports[1]);
    await client.connect(transports[0]);
    wrapMcpClient(client);
    await wrapMcpClient(client).ping();
    expect(telemetry.own().map(({ name }) => name)).toEqual(["ping"]);
    await client.close();
  });

  it("returns what is wrapped already as it is, with the same options or none", () => {
    const { client, server } = newPeers();
    const [wrappedClient, wrappedServer] = [wrapMcpClient(client, { propagateTo: "a.example" }), wrapMcpServer(server)];
    expect(wrapMcpClient(wrappedClient, { propagateTo: "a.example" })).toBe(wrappedClient);
    expect(wrapMcpClient(wrappedClient)).toBe(wrappedClient);
    expect(wrapMcpServer(wrappedServer)).toBe(wrappedServer);
  });

  it("throws if the client or server is wrapped already with other options", () => {
    const { client, server } = newPeers();
    const wrappedClient = wrapMcpClient(client, { propagateTo: "a.example" });
    const wrappedServer = wrapMcpServer(server, { incoming: "link" });
    expect(() => wrapMcpClient(wrappedClient, { propagateTo: "b.example" })).toThrow(/wrapMcpClient: .*other options/);
    expect(() => wrapMcpServer(wrappedServer, { incoming: "ignore" })).toThrow(/wrapMcpServer: .*other options/);
  });

  it("returns a value of the same class, with the transport that was passed to connect()", async () => {
    const { client, server, transports } = newPeers();
    const [wrappedClient, wrappedServer] = [wrapMcpClient(client), wrapMcpServer(server)];
    await wrappedServer.connect(transports[1]);
    await wrappedClient.connect(transports[0]);
    expect(wrappedClient).toBeInstanceOf(client.constructor);
    expect(wrappedServer).toBeInstanceOf(server.constructor);
    expect(wrappedClient.transport).toBe(transports[0]);
    expect(wrappedServer.server.transport).toBe(transports[1]);
    await wrappedClient.close();
  });
});

const WRAPPERS = [
  { wrap: wrapMcpClient, name: "wrapMcpClient", newPeer: (): McpEndpoint => new Client(INFO) },
  { wrap: wrapMcpServer, name: "wrapMcpServer", newPeer: (): McpEndpoint => new McpServer(INFO) },
] as const;

describe.each(WRAPPERS)("$name()", ({ wrap, name, newPeer }) => {
  it.each([
    ["incoming", "parents"],
    ["acceptBaggage", 1],
    ["executeToolSpan", "both"],
    ["recordToolArguments", "yes"],
    ["recordToolResults", 1],
    ["recordPromptVariables", null],
    ["propagateTo", 1],
    ["baggageTo", ["http://a.example/path"]],
    ["baggageKeys", "tenant"],
    ["modelProviders", 1],
    ["tracerProvider", {}],
    ["meterProvider", {}],
    ["propagator", {}],
    ["unknown", true],
  ])("throws for an invalid option %s", (option, value) => {
    const invalid = { [option]: value } as McpOptions;
    expect(() => wrap(newPeer(), invalid)).toThrow(TypeError);
    expect(() => wrap(newPeer(), invalid)).toThrow(new RegExp(`${name}.*${option}`));
  });

  it.each([[undefined], [null], ["text"], [{}], [{ connect: () => {} }]])("throws for %j, which is none", (value) => {
    expect(() => wrap(value as never)).toThrow(new RegExp(`^${name}: .*of the MCP SDK`));
  });
});
