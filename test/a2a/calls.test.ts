import type { Task } from "@a2a-js/sdk";
import { TaskState } from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import { ServerCallContext } from "@a2a-js/sdk/server";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { Attributes } from "@opentelemetry/api";
import { afterAll, beforeAll, beforeEach, expect, it, describe as group } from "vitest";
import { shapeOf, inSpan, startTelemetry } from "../support/telemetry.ts";
import { WIRES, answers, connect, drain, find, request, startAgent, task, tree } from "./agents.ts";
import type { Agent, Binding, Version } from "./agents.ts";

const telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

const common = (method: string, version: Version): Attributes => ({
  "a2a.method.name": method,
  "a2a.protocol.version": version,
  "gen_ai.agent.name": "researcher",
  "gen_ai.agent.description": "the researcher",
  "gen_ai.agent.version": "2.1",
});

/** The attributes of HTTP on a SERVER span, without those of A2A. */
const ofA2A = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => /^(?:a2a|gen_ai|error)\./.test(name)));

group.each(WIRES)("$binding $version", ({ binding, version }) => {
  let agent: Agent;
  let client: Client;
  beforeAll(async () => {
    agent = await startAgent({ binding, version });
    client = await connect(agent);
  });
  afterAll(() => agent.close());

  it("records a message as an A2A call above the HTTP call, and names the SERVER span by the method", async () => {
    const result = (await inSpan("agent", () =>
      client.sendMessage(request({ contextId: "c-1", referenceTaskIds: ["t-0", "t-00"] })),
    )) as Task;
    await telemetry.settled();
    const spans = telemetry.spans();
    expect(tree(spans)).toEqual(["INTERNAL agent", "  CLIENT SendMessage", "    CLIENT POST", "      SERVER SendMessage"]);
    const attributes: Attributes = {
      ...common("SendMessage", version),
      "a2a.message.id": "m-1",
      "a2a.message.reference_task_ids": ["t-0", "t-00"],
      "a2a.task.id": result.id,
      "a2a.task.state": "TASK_STATE_COMPLETED",
      "gen_ai.conversation.id": "c-1",
    };
    // The SDK drops the references when it translates a message to the protocol buffers of v0.3.
    const received = { ...attributes };
    if (version === "0.3" && binding === "HTTP+JSON") delete received["a2a.message.reference_task_ids"];
    expect(shapeOf(find(spans, SpanKind.CLIENT, "SendMessage"))).toEqual({
      name: "SendMessage",
      kind: SpanKind.CLIENT,
      status: SpanStatusCode.UNSET,
      attributes: { ...attributes, "server.address": "127.0.0.1", "server.port": agent.port },
      events: [],
    });
    const server = shapeOf(find(spans, SpanKind.SERVER, "SendMessage"));
    expect(ofA2A(server.attributes)).toEqual(received);
    expect(server).toMatchObject({
      status: SpanStatusCode.UNSET,
      attributes: {
        "http.request.method": "POST",
        "http.response.status_code": version === "0.3" && binding === "HTTP+JSON" ? 201 : 200,
        "http.route": expect.stringContaining("/agents/researcher") as string,
      },
    });
  });

  it("records a stream with spans that cover it and have the last state", async () => {
    const events = await inSpan("agent", () => drain(client.sendMessageStream(request())));
    await telemetry.settled();
    const spans = telemetry.spans();
    expect(tree(spans)).toEqual([
      "INTERNAL agent",
      "  CLIENT SendStreamingMessage",
      "    CLIENT POST",
      "      SERVER SendStreamingMessage",
    ]);
    const first = events[0]?.payload?.value as Task;
    const attributes = {
      ...common("SendStreamingMessage", version),
      "a2a.message.id": "m-1",
      "a2a.task.id": first.id,
      "a2a.task.state": "TASK_STATE_COMPLETED",
      "gen_ai.conversation.id": first.contextId,
    };
    const span = find(spans, SpanKind.CLIENT, "SendStreamingMessage");
    expect(shapeOf(span)).toEqual({
      name: "SendStreamingMessage",
      kind: SpanKind.CLIENT,
      status: SpanStatusCode.UNSET,
      attributes: { ...attributes, "server.address": "127.0.0.1", "server.port": agent.port },
      events: [],
    });
    expect(ofA2A(find(spans, SpanKind.SERVER, "SendStreamingMessage").attributes)).toEqual(attributes);
  });

  const config = { tenant: "", id: "p-1", taskId: "t-1", url: "http://127.0.0.1:1/push", token: "", authentication: undefined };
  const byTask = { "a2a.task.id": "t-1" };
  const state = { "a2a.task.state": "TASK_STATE_WORKING", "gen_ai.conversation.id": "c-1" };
  it.each<{ name: string; call: (client: Client) => Promise<unknown>; attributes: Attributes; on?: Binding; version?: Version }>([
    { name: "GetTask", call: (c) => c.getTask({ tenant: "", id: "t-1" }), attributes: { ...byTask, ...state } },
    { name: "CreateTaskPushNotificationConfig", call: (c) => c.createTaskPushNotificationConfig(config), attributes: byTask },
    {
      name: "GetTaskPushNotificationConfig",
      call: (c) => c.getTaskPushNotificationConfig({ tenant: "", taskId: "t-1", id: "p-1" }),
      attributes: byTask,
    },
    {
      name: "ListTaskPushNotificationConfigs",
      call: (c) => c.listTaskPushNotificationConfig({ tenant: "", taskId: "t-1", pageSize: 10, pageToken: "" }),
      attributes: byTask,
    },
    {
      name: "DeleteTaskPushNotificationConfig",
      call: (c) => c.deleteTaskPushNotificationConfig({ tenant: "", taskId: "t-1", id: "p-1" }),
      attributes: byTask,
    },
    { name: "GetExtendedAgentCard", call: (c) => c.getAgentCard(), attributes: {} },
    {
      name: "ListTasks",
      version: "1.0",
      call: (c) => c.listTasks({ tenant: "", contextId: "c-1", status: 0, pageToken: "", statusTimestampAfter: undefined }),
      attributes: { "gen_ai.conversation.id": "c-1" },
    },
    {
      name: "CancelTask",
      call: (c) => c.cancelTask({ tenant: "", id: "t-1", metadata: undefined }),
      attributes: { ...byTask, ...state, "a2a.task.state": "TASK_STATE_CANCELED" },
    },
  ])("records $name with its name and attributes on both sides", async ({ name, call, attributes, version: only }) => {
    if (only !== undefined && only !== version) return;
    const stored = task({ taskId: "t-1", contextId: "c-1" } as Parameters<typeof task>[0], TaskState.TASK_STATE_WORKING);
    await agent.handler.createTaskPushNotificationConfig(config, scope()).catch(() => {});
    await agent.store.save(stored, scope());
    telemetry.reset();
    await inSpan("agent", () => call(client));
    await telemetry.settled();
    const spans = telemetry.spans();
    const expected = { ...common(name, version), ...attributes };
    expect(shapeOf(find(spans, SpanKind.CLIENT, name))).toEqual({
      name,
      kind: SpanKind.CLIENT,
      status: SpanStatusCode.UNSET,
      attributes: { ...expected, "server.address": "127.0.0.1", "server.port": agent.port },
      events: [],
    });
    expect(ofA2A(find(spans, SpanKind.SERVER, name).attributes)).toEqual(expected);
    expect(tree(spans)).toHaveLength(4);
  });
});

function scope(): ServerCallContext {
  return new ServerCallContext({ requestedVersion: "1.0" });
}

it("records only the conversation for a response without a task", async () => {
  const agent = await startAgent({ execute: answers });
  await (await connect(agent)).sendMessage(request({ contextId: "c-9" }));
  await telemetry.settled();
  const { attributes } = find(telemetry.spans(), SpanKind.CLIENT, "SendMessage");
  expect(attributes).toMatchObject({ "gen_ai.conversation.id": "c-9", "a2a.message.id": "m-1" });
  expect(Object.keys(attributes)).not.toContain("a2a.task.id");
  await agent.close();
});

it.each(["JSONRPC", "HTTP+JSON"] as const)(
  "records the tenant of the request or the interface on both spans, over %s",
  async (binding) => {
    const agent = await startAgent({ binding, tenant: "acme" });
    const client = await connect(agent);
    await client.sendMessage(request());
    await client.sendMessage(request({}, false, "other"));
    await telemetry.settled();
    const tenants = telemetry
      .spans()
      .flatMap(({ kind, attributes }) => (attributes["a2a.tenant"] ? [[kind, attributes["a2a.tenant"]]] : []));
    expect(tenants).toEqual([
      [SpanKind.SERVER, "acme"],
      [SpanKind.CLIENT, "acme"],
      [SpanKind.SERVER, "other"],
      [SpanKind.CLIENT, "other"],
    ]);
    await agent.close();
  },
);

it("records the plain message that the SDK sends to an agent that does not stream", async () => {
  const agent = await startAgent({ capabilities: { streaming: false } });
  await drain((await connect(agent)).sendMessageStream(request()));
  await telemetry.settled();
  expect(tree(telemetry.spans())).toEqual(["CLIENT SendMessage", "  CLIENT POST", "    SERVER SendMessage"]);
  await agent.close();
});

it("starts no span if the SDK does not request an extended card", async () => {
  const agent = await startAgent({ capabilities: { extendedAgentCard: false } });
  expect((await (await connect(agent)).getAgentCard()).name).toBe("researcher");
  await telemetry.settled();
  expect(telemetry.spans()).toEqual([]);
  await agent.close();
});

it("keeps the HTTP spans of a request for the well-known card, which is not an A2A method", async () => {
  const agent = await startAgent();
  await fetch(`${agent.card.supportedInterfaces[0]?.url}/.well-known/agent-card.json`);
  await telemetry.settled();
  expect(tree(telemetry.spans())).toEqual(["SERVER GET /agents/researcher/.well-known/agent-card.json"]);
  await agent.close();
});
