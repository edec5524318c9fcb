import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inSpan, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { VERSIONS, connectInMemory, treeOf } from "./peers.ts";
import type { Connected, Version } from "./peers.ts";

/** Calls the tool that does not answer. The options are the last argument, of two or of three. */
function callWait(version: Version, client: Connected["client"], options: object): Promise<unknown> {
  const args = version === "v1" ? [undefined, options] : [options];
  return (client as { callTool(...args: unknown[]): Promise<unknown> }).callTool({ name: "wait" }, ...args);
}

let telemetry: TestTelemetry;
beforeEach(() => {
  telemetry = startTelemetry();
});
afterEach(() => telemetry.stop());

describe.each(VERSIONS)("a client and a server of %s", (version) => {
  it("make one trace of a tool call and of what the tool does", async () => {
    const { client } = await connectInMemory(version, {}, () => inSpan("work", () => {}));
    telemetry.reset();
    await inSpan("agent", () => client.callTool({ name: "run", arguments: { secret: "s" } }));
    await client.close();
    expect(treeOf(telemetry.spans())).toEqual([
      "INTERNAL work < SERVER tools/call run",
      "SERVER tools/call run < CLIENT tools/call run",
      "CLIENT tools/call run < INTERNAL agent",
      "INTERNAL agent < root",
    ]);
  });

  it("record the attributes of the conventions", async () => {
    const { client } = await connectInMemory(version);
    telemetry.reset();
    await client.callTool({ name: "run", arguments: { secret: "s" } });
    const sent = telemetry.own().find(({ kind }) => kind === SpanKind.CLIENT);
    const { "jsonrpc.request.id": id, ...attributes } = sent?.attributes ?? {};
    expect(id).toMatch(/^\d+$/);
    expect(attributes).toEqual({
      "mcp.method.name": "tools/call",
      "mcp.protocol.version": "2025-11-25",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "run",
    });
  });

  it("record arguments, results and prompt variables only if asked to", async () => {
    const recording = { recordToolArguments: true, recordToolResults: true, recordPromptVariables: true };
    const { client } = await connectInMemory(version, { client: recording });
    telemetry.reset();
    await client.callTool({ name: "run", arguments: { secret: "s" } });
    await client.getPrompt({ name: "greet", arguments: { who: "you" } });
    const [tool, prompt] = telemetry.own().filter(({ kind }) => kind === SpanKind.CLIENT);
    expect(tool?.attributes["gen_ai.tool.call.arguments"]).toBe('{"secret":"s"}');
    expect(String(tool?.attributes["gen_ai.tool.call.result"])).toContain('"done"');
    expect(prompt?.name).toBe("prompts/get greet");
    expect(prompt?.attributes["gen_ai.prompt.variable.who"]).toBe("you");
  });

  it("record the URI of a resource, but not in the span's name", async () => {
    const { client } = await connectInMemory(version);
    telemetry.reset();
    await client.readResource({ uri: "test://page" });
    const [received] = telemetry.own();
    expect(received?.name).toBe("resources/read");
    expect(received?.attributes["mcp.resource.uri"]).toBe("test://page");
  });

  it.each([
    [{ type: "ref/prompt", name: "greet" }, "completion/complete greet", { "gen_ai.prompt.name": "greet" }],
    [{ type: "ref/resource", uri: "test://page" }, "completion/complete", { "mcp.resource.uri": "test://page" }],
  ] as const)("record what a completion refers to: %j", async (ref, name, attributes) => {
    const { client } = await connectInMemory(version);
    telemetry.reset();
    await client.complete({ ref, argument: { name: "who", value: "y" } }).catch(() => {});
    const sent = telemetry.own().find(({ kind }) => kind === SpanKind.CLIENT);
    expect(sent?.name).toBe(name);
    expect(sent?.attributes).toMatchObject(attributes);
  });

  it("record no variables of a prompt that is requested without", async () => {
    const { client } = await connectInMemory(version, { client: { recordPromptVariables: true } });
    telemetry.reset();
    await client.getPrompt({ name: "greet" }).catch(() => {});
    const sent = telemetry.own().find(({ kind }) => kind === SpanKind.CLIENT);
    expect(Object.keys(sent?.attributes ?? {}).filter((key) => key.startsWith("gen_ai.prompt.variable"))).toEqual([]);
  });

  it("make a request of the server part of the request that is being handled", async () => {
    const { client } = await connectInMemory(version);
    telemetry.reset();
    await inSpan("agent", () => client.callTool({ name: "ask" }));
    expect(treeOf(telemetry.spans())).toEqual([
      "SERVER sampling/createMessage < CLIENT sampling/createMessage",
      "CLIENT sampling/createMessage < SERVER tools/call ask",
      "SERVER tools/call ask < CLIENT tools/call ask",
      "CLIENT tools/call ask < INTERNAL agent",
      "INTERNAL agent < root",
    ]);
  });

  it("record initialize, notifications, ping and lists", async () => {
    const { client, server } = await connectInMemory(version);
    await client.ping();
    await client.listTools();
    await server.server.sendLoggingMessage({ level: "info", data: "hello" });
    await telemetry.settled();
    const names = telemetry.own().map(({ kind, name }) => `${SpanKind[kind]} ${name}`);
    const methods = ["initialize", "notifications/initialized", "ping", "tools/list", "notifications/message"];
    expect(names.toSorted()).toEqual(methods.flatMap((name) => [`CLIENT ${name}`, `SERVER ${name}`]).toSorted());
  });

  it("record a result with isError as tool_error on both sides", async () => {
    const { client } = await connectInMemory(version);
    telemetry.reset();
    await client.callTool({ name: "fail" });
    expect(telemetry.own().map(({ attributes }) => attributes["error.type"])).toEqual(["tool_error", "tool_error"]);
  });

  it("record a JSON-RPC error of the sender as an error of the sender alone", async () => {
    const { client } = await connectInMemory(version);
    telemetry.reset();
    await expect(client.readResource({ uri: "test://missing" })).rejects.toThrow("not found");
    const [received, sent] = telemetry.own();
    expect(sent?.attributes["error.type"]).toBe(sent?.attributes["rpc.response.status_code"]);
    expect(sent?.status.code).toBe(SpanStatusCode.ERROR);
    expect(sent?.status.message).toContain("not found");
    expect(received?.attributes["rpc.response.status_code"]).toBe(sent?.attributes["rpc.response.status_code"]);
    expect(received?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("record a timeout as an error on the side of the sender", async () => {
    const { client } = await connectInMemory(version);
    telemetry.reset();
    await expect(callWait(version, client, { timeout: 20 })).rejects.toThrow("Request timed out");
    await telemetry.settled();
    const [sent, received] = [SpanKind.CLIENT, SpanKind.SERVER].map((kind) =>
      telemetry.own().find((span) => span.kind === kind && span.name === "tools/call wait"),
    );
    expect(sent?.attributes["error.type"]).toBe(version === "v1" ? "-32001" : "REQUEST_TIMEOUT");
    expect(received?.status.code).toBe(SpanStatusCode.UNSET);
    expect(treeOf(telemetry.own())).toContain("CLIENT notifications/cancelled < CLIENT tools/call wait");
  });

  it("record no error if the application cancels a request", async () => {
    const { client } = await connectInMemory(version);
    telemetry.reset();
    const controller = new AbortController();
    const call = callWait(version, client, { signal: controller.signal });
    controller.abort("not needed any more");
    await expect(call).rejects.toThrow("not needed any more");
    await telemetry.settled();
    expect(telemetry.own().map(({ status }) => status.code)).not.toContain(SpanStatusCode.ERROR);
  });

  it("end what is open when the connection is closed, as an error", async () => {
    const { client } = await connectInMemory(version);
    telemetry.reset();
    const call = client.callTool({ name: "wait" });
    call.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    await client.close();
    await expect(call).rejects.toThrow("Connection closed");
    await telemetry.settled();
    const open = telemetry.own().filter(({ name }) => name === "tools/call wait");
    expect(open.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR]);
  });
});
