import { TaskNotFoundError } from "@a2a-js/sdk/errors";
import { TaskState } from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import { AgentEvent } from "@a2a-js/sdk/server";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { afterAll, beforeEach, expect, it, describe as group } from "vitest";
import { wrapA2AClient } from "../../src/a2a.ts";
import { listen } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import { WIRES, connect, drain, find, plainClient, request, startAgent, task, update } from "./agents.ts";
import type { Agent, Execute } from "./agents.ts";

const telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

const missing = (client: Client): Promise<unknown> => client.getTask({ tenant: "", id: "nowhere" });

/** The status and `error.type` of the spans with a kind and a name. */
function outcomes(kind: SpanKind, name: string): unknown[] {
  const { status, attributes, events } = find(telemetry.spans(), kind, name);
  return [status.code, attributes["error.type"], events.map((event) => event.attributes?.["exception.type"])];
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.unreachable("it did not fail"),
    (error: unknown) => error as Error,
  );
}

const violates: Execute = (context, bus) => {
  bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_WORKING)));
  // In one stream the SDK accepts a single task, and then updates only.
  bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_COMPLETED)));
};

const slow: Execute = async (context, bus) => {
  bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_WORKING)));
  await new Promise((resolve) => setTimeout(resolve, 300));
  bus.publish(AgentEvent.statusUpdate(update(context, TaskState.TASK_STATE_COMPLETED)));
};

// Errors of the protocol are not exceptions.
const failed = (type: string): unknown[] => [SpanStatusCode.ERROR, type, []];
const fine = [SpanStatusCode.UNSET, undefined, []];

group.each(WIRES)("$binding $version", ({ binding, version }) => {
  it("passes on the SDK's error for an agent's error, and records it on the A2A spans", async () => {
    const agent = await startAgent({ binding, version });
    const expected = await rejection(missing(await plainClient(agent)));
    telemetry.reset();
    const error = await rejection(missing(await connect(agent)));
    expect(error).toBeInstanceOf(TaskNotFoundError);
    expect(error).toMatchObject({ name: expected.name, message: expected.message });
    await telemetry.settled();
    // Over REST the error has a status, and 404 is not an error of a server (semconv HTTP). In v0.3 the code is in the body, and the transport
    // does not keep the status.
    const errorType = binding === "JSONRPC" || version === "0.3" ? "-32001" : "404";
    expect(outcomes(SpanKind.CLIENT, "GetTask")).toEqual(failed(errorType));
    expect(outcomes(SpanKind.SERVER, "GetTask")).toEqual(binding === "JSONRPC" ? failed("-32001") : fine);
    const http = find(telemetry.spans(), SpanKind.CLIENT, binding === "JSONRPC" ? "POST" : "GET");
    expect(http.attributes["http.response.status_code"]).toBe(binding === "JSONRPC" ? 200 : 404);
    await agent.close();
  });

  it("records an error in the middle of a stream on both sides, after the events before it", async () => {
    const agent = await startAgent({ binding, version, execute: violates });
    const seen: unknown[] = [];
    const error = await rejection(
      (async () => {
        for await (const event of (await connect(agent)).sendMessageStream(request())) seen.push(event);
      })(),
    );
    expect(seen).toHaveLength(1);
    expect(error).toBeInstanceOf(Error);
    await telemetry.settled();
    expect(find(telemetry.spans(), SpanKind.SERVER, "SendStreamingMessage").attributes["http.response.status_code"]).toBe(200);
    expect(outcomes(SpanKind.SERVER, "SendStreamingMessage")).toEqual(failed("-32004"));
    expect(outcomes(SpanKind.CLIENT, "SendStreamingMessage").slice(0, 2)).toEqual([SpanStatusCode.ERROR, "-32004"]);
    expect(find(telemetry.spans(), SpanKind.CLIENT, "SendStreamingMessage").attributes["a2a.task.state"]).toBe(
      "TASK_STATE_WORKING",
    );
    await agent.close();
  });

  it("records an error if a stream is rejected before it starts", async () => {
    const agent = await startAgent({ binding, version });
    const client = await connect(agent);
    await rejection(drain(client.resubscribeTask({ tenant: "", id: "nowhere" })));
    await telemetry.settled();
    const type = binding === "JSONRPC" || version === "0.3" ? "-32001" : "404";
    expect(outcomes(SpanKind.CLIENT, "SubscribeToTask").slice(0, 2)).toEqual([SpanStatusCode.ERROR, type]);
    await agent.close();
  });

  it("records an error if a call times out, but not if its signal cancels it", async () => {
    const agent = await startAgent({ binding, version, execute: slow });
    const client = await connect(agent);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    await rejection(client.sendMessage(request(), { signal: controller.signal }));
    expect(outcomes(SpanKind.CLIENT, "SendMessage")).toEqual([SpanStatusCode.UNSET, undefined, []]);
    telemetry.reset();
    await rejection(client.sendMessage(request(), { signal: AbortSignal.timeout(30) }));
    expect(outcomes(SpanKind.CLIENT, "SendMessage").slice(0, 2)).toEqual([SpanStatusCode.ERROR, "TimeoutError"]);
    await agent.close();
  });
});

async function elsewhere(agent: Agent, url: string): Promise<Client> {
  const card = structuredClone(agent.card);
  if (card.supportedInterfaces[0] !== undefined) card.supportedInterfaces[0].url = url;
  return connect({ card });
}

it("records the connection error if the agent cannot be reached, and the exception once", async () => {
  const agent = await startAgent();
  await agent.close();
  await rejection((await connect(agent)).sendMessage(request()));
  expect(outcomes(SpanKind.CLIENT, "SendMessage")).toEqual([SpanStatusCode.ERROR, "ECONNREFUSED", []]);
  expect(outcomes(SpanKind.CLIENT, "POST").slice(0, 2)).toEqual([SpanStatusCode.ERROR, "ECONNREFUSED"]);
  expect(find(telemetry.spans(), SpanKind.CLIENT, "POST").events).toHaveLength(1);
  telemetry.reset();
  const untraced = wrapA2AClient(await plainClient(agent, {}, fetch));
  await rejection(untraced.sendMessage(request()));
  expect(outcomes(SpanKind.CLIENT, "SendMessage")).toEqual([SpanStatusCode.ERROR, "ECONNREFUSED", ["TypeError"]]);
});

it("describes the status by the message of a JSON-RPC error, and not where an HTTP status says it", async () => {
  for (const [binding, description] of [
    ["JSONRPC", "Task not found: nowhere"],
    ["HTTP+JSON", undefined],
  ] as const) {
    const agent = await startAgent({ binding });
    await rejection(missing(await connect(agent)));
    await telemetry.settled();
    expect(find(telemetry.spans(), SpanKind.CLIENT, "GetTask").status.message).toBe(description);
    expect(find(telemetry.spans(), SpanKind.SERVER, "GetTask").status.message).toBe(description);
    telemetry.reset();
    await agent.close();
  }
});

it("throws the error of a method that throws synchronously", async () => {
  const agent = await startAgent({ capabilities: { pushNotifications: false } });
  const client = await connect(agent);
  const config = { tenant: "", id: "", taskId: "t", url: "", token: "", authentication: undefined };
  expect(() => client.createTaskPushNotificationConfig(config)).toThrow("Push Notification is not supported");
  expect(outcomes(SpanKind.CLIENT, "CreateTaskPushNotificationConfig").slice(0, 2)).toEqual([SpanStatusCode.ERROR, "-32003"]);
  await agent.close();
});

it("records the status of a REST error response that is not from the agent", async () => {
  const agent = await startAgent({ binding: "HTTP+JSON" });
  const gateway = await listen((_, response) => void response.writeHead(503).end("try later"));
  await rejection((await elsewhere(agent, gateway.url)).sendMessage(request()));
  expect(outcomes(SpanKind.CLIENT, "SendMessage").slice(0, 2)).toEqual([SpanStatusCode.ERROR, "503"]);
  await Promise.all([gateway.close(), agent.close()]);
});

it("records the code with which the SDK responds to an error of a handler", async () => {
  const agent = await startAgent({
    handler: (handler) => {
      handler.getTask = () => Promise.reject(new RangeError("index 7"));
      return handler;
    },
  });
  await rejection(missing(await connect(agent)));
  await telemetry.settled();
  expect(outcomes(SpanKind.SERVER, "GetTask")).toEqual([SpanStatusCode.ERROR, "-32603", ["RangeError"]]);
  expect(outcomes(SpanKind.CLIENT, "GetTask").slice(0, 2)).toEqual([SpanStatusCode.ERROR, "-32603"]);
  await agent.close();
});
