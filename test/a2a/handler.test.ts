import type { Task } from "@a2a-js/sdk";
import { ServerCallContext } from "@a2a-js/sdk/server";
import type { A2ARequestHandler } from "@a2a-js/sdk/server";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import express from "express";
import { afterAll, beforeEach, expect, it } from "vitest";
import { wrapRequestHandler } from "../../src/a2a.ts";
import { traceRequests } from "../../src/server/express.ts";
import { listen } from "../support/server.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import { completes, connect, find, request, startAgent, tree } from "./agents.ts";

const telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

/** A handler of the application that delegates to another. */
function own(inner: A2ARequestHandler): A2ARequestHandler {
  return {
    getAgentCard: () => inner.getAgentCard(),
    getAuthenticatedExtendedAgentCard: (params, context) => inner.getAuthenticatedExtendedAgentCard(params, context),
    sendMessage: (params, context) => inner.sendMessage(params, context),
    sendMessageStream: (params, context) => inner.sendMessageStream(params, context),
    getTask: (params, context) => inner.getTask(params, context),
    cancelTask: (params, context) => inner.cancelTask(params, context),
    createTaskPushNotificationConfig: (params, context) => inner.createTaskPushNotificationConfig(params, context),
    getTaskPushNotificationConfig: (params, context) => inner.getTaskPushNotificationConfig(params, context),
    listTaskPushNotificationConfigs: (params, context) => inner.listTaskPushNotificationConfigs(params, context),
    deleteTaskPushNotificationConfig: (params, context) => inner.deleteTaskPushNotificationConfig(params, context),
    resubscribe: (params, context) => inner.resubscribe(params, context),
    listTasks: (params, context) => inner.listTasks(params, context),
  };
}

it("starts a SERVER span in the caller's trace if there is no HTTP span", async () => {
  const agent = await startAgent({ http: false });
  const result = (await (await connect(agent)).sendMessage(request())) as Task;
  await telemetry.settled();
  const spans = telemetry.spans();
  expect(tree(spans)).toEqual(["CLIENT SendMessage", "  CLIENT POST", "    SERVER SendMessage"]);
  expect(shapeOf(find(spans, SpanKind.SERVER, "SendMessage"))).toEqual({
    name: "SendMessage",
    kind: SpanKind.SERVER,
    status: SpanStatusCode.UNSET,
    attributes: {
      "a2a.method.name": "SendMessage",
      "a2a.protocol.version": "1.0",
      "gen_ai.agent.name": "researcher",
      "gen_ai.agent.description": "the researcher",
      "gen_ai.agent.version": "2.1",
      "a2a.message.id": "m-1",
      "a2a.task.id": result.id,
      "a2a.task.state": "TASK_STATE_COMPLETED",
      "gen_ai.conversation.id": result.contextId,
      "server.address": "127.0.0.1",
      "server.port": agent.port,
      "client.address": "127.0.0.1",
      "client.port": expect.any(Number) as number,
    },
    events: [],
  });
  await agent.close();
});

it.each([true, false])(
  "starts a span of its own for a handler that is called inside another call (with an HTTP span: %s)",
  async (http) => {
    const inner = await startAgent({ name: "writer" });
    const outer = await startAgent({
      http,
      execute: async (context, bus) => {
        await inner.handler.sendMessage(request({ messageId: "inner" }), new ServerCallContext({ requestedVersion: "1.0" }));
        completes(context, bus);
      },
    });
    await (await connect(outer)).sendMessage(request());
    await telemetry.settled();
    const spans = telemetry.spans();
    expect(tree(spans)).toEqual(["CLIENT SendMessage", "  CLIENT POST", "    SERVER SendMessage", "      SERVER SendMessage"]);
    const names = spans.filter(({ kind }) => kind === SpanKind.SERVER).map(({ attributes }) => attributes["gen_ai.agent.name"]);
    expect(names).toEqual(["writer", "researcher"]);
    await Promise.all([inner.close(), outer.close()]);
  },
);

it("starts a span of its own, in the same trace, for a call after the end of its request", async () => {
  const agent = await startAgent();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const app = express().use(traceRequests());
  app.post("/orders", (_, response) => {
    response.end();
    response.on("close", () => {
      setTimeout(() => resolve(agent.handler.sendMessage(request(), new ServerCallContext({ requestedVersion: "1.0" }))), 20);
    });
  });
  const shop = await listen(app);
  await fetch(`${shop.url}/orders`, { method: "POST" });
  await promise;
  await telemetry.settled();
  expect(tree(telemetry.spans())).toEqual(["SERVER POST /orders", "  SERVER SendMessage"]);
  await Promise.all([agent.close(), shop.close()]);
});

it("records one call for a wrapped handler around a wrapped handler", async () => {
  const agent = await startAgent({ http: false, handler: (handler) => ({ ...own(wrapRequestHandler(handler)) }) });
  await (await connect(agent)).sendMessage(request());
  await telemetry.settled();
  expect(tree(telemetry.spans())).toEqual(["CLIENT SendMessage", "  CLIENT POST", "    SERVER SendMessage"]);
  expect(find(telemetry.spans(), SpanKind.SERVER, "SendMessage").attributes["gen_ai.agent.name"]).toBe("researcher");
  await agent.close();
});

it("records the state of the task, and no error, if an executor fails", async () => {
  const agent = await startAgent({
    execute: () => {
      throw new Error("out of order");
    },
  });
  await (await connect(agent)).sendMessage(request());
  await telemetry.settled();
  for (const kind of [SpanKind.CLIENT, SpanKind.SERVER]) {
    const span = find(telemetry.spans(), kind, "SendMessage");
    expect(shapeOf(span)).toMatchObject({ status: SpanStatusCode.UNSET, attributes: { "a2a.task.state": "TASK_STATE_FAILED" } });
  }
  await agent.close();
});
