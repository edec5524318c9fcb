import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { AgentCard, Task, TaskArtifactUpdateEvent, TaskStatusUpdateEvent } from "@a2a-js/sdk";
import {
  AgentEvent,
  DefaultPushNotificationSender,
  DefaultRequestHandler,
  InMemoryPushNotificationStore,
  InMemoryTaskStore,
} from "@a2a-js/sdk/server";
import type { AgentExecutor } from "@a2a-js/sdk/server";
import { UserBuilder, jsonRpcHandler } from "@a2a-js/sdk/server/express";
import { injectTraceContext } from "a2a-otel";
import { wrapRequestHandler } from "a2a-otel/a2a";
import { traceRequests } from "a2a-otel/server/express";
import express from "express";

/** Takes a task, with the trace that it belongs to, and resolves to its result. */
export type Queue = (row: { taskId: string; trace: Record<string, string> }) => Promise<string>;

/** An agent whose tasks are done by another process, and take longer than the requests for them. */
export async function startAgent(queue: Queue): Promise<{ card: AgentCard; close: () => void }> {
  const app = express().use(traceRequests());
  const server = createServer(app).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const card = AgentCard.fromJSON({
    name: "planner",
    version: "1.0.0",
    supportedInterfaces: [{ url, protocolBinding: "JSONRPC", protocolVersion: "1.0" }],
    capabilities: { streaming: true, pushNotifications: true },
  });
  const executor: AgentExecutor = {
    execute: async ({ taskId, contextId }, bus) => {
      bus.publish(AgentEvent.task(Task.fromJSON({ id: taskId, contextId, status: { state: "TASK_STATE_WORKING" } })));
      // The request is answered now. What follows still belongs to its trace, and so does the work of the other process.
      const text = await queue({ taskId, trace: injectTraceContext() });
      const artifact = { artifactId: "result", parts: [{ text }] };
      bus.publish(AgentEvent.artifactUpdate(TaskArtifactUpdateEvent.fromJSON({ taskId, contextId, artifact, lastChunk: true })));
      const status = { state: "TASK_STATE_COMPLETED" };
      bus.publish(AgentEvent.statusUpdate(TaskStatusUpdateEvent.fromJSON({ taskId, contextId, status })));
    },
    cancelTask: () => Promise.reject(new Error("this task cannot be cancelled")),
  };
  const store = new InMemoryPushNotificationStore();
  const sender = new DefaultPushNotificationSender(store);
  const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor, undefined, store, sender);
  app.use(jsonRpcHandler({ requestHandler: wrapRequestHandler(handler), userBuilder: UserBuilder.noAuthentication }));
  return { card, close: () => void server.close() };
}
