import "./tracing.ts";
import { SendMessageRequest, Task, TaskStatusUpdateEvent, taskStateToJSON } from "@a2a-js/sdk";
import { AgentEvent } from "@a2a-js/sdk/server";
import { startAgent } from "./a2a-server.ts";
// #region readme
import { ClientFactory } from "@a2a-js/sdk/client";
import { wrapA2AClient } from "a2a-otel/a2a";
import { instrumentFetch } from "a2a-otel/fetch";

instrumentFetch();

// The span starts when the first event is requested. It ends with the stream, or with a `break`.
const follow = async (url: string, request: SendMessageRequest): Promise<void> => {
  const client = wrapA2AClient(await new ClientFactory().createFromUrl(url));
  for await (const { payload } of client.sendMessageStream(request)) {
    if (payload?.$case === "statusUpdate") console.log(taskStateToJSON(payload.value.status?.state ?? 0));
  }
};
// #endregion

const agent = await startAgent(async ({ taskId, contextId }, bus) => {
  bus.publish(AgentEvent.task(Task.fromJSON({ id: taskId, contextId, status: { state: "TASK_STATE_SUBMITTED" } })));
  for (const state of ["TASK_STATE_WORKING", "TASK_STATE_COMPLETED"]) {
    bus.publish(AgentEvent.statusUpdate(TaskStatusUpdateEvent.fromJSON({ taskId, contextId, status: { state } })));
  }
  bus.finished();
});
const message = { messageId: "1", role: "ROLE_USER", parts: [{ text: "hi" }] };
await follow(agent.url, SendMessageRequest.fromJSON({ message }));
agent.close();
