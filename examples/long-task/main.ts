/**
 * A task that outlives its request: another process does the work, while the caller follows the task with a new subscription and receives push
 * notifications. All of it is one trace. With the argument `link`, the work is a trace of its own that links to the task's.
 */
import { fork } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SendMessageRequest } from "@a2a-js/sdk";
import type { Task } from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";
import { trace } from "@opentelemetry/api";
import { wrapA2AClient } from "a2a-otel/a2a";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";
import { startAgent } from "./agent.ts";
import type { Queue } from "./agent.ts";
import { drawSpans, startTelemetry } from "./telemetry.ts";
import type { ShownSpan } from "./telemetry.ts";

const mode = process.argv[2] === "link" ? "link" : "parent";
const { spans, settled } = startTelemetry("main");
// The calls of the client, and the push notifications of the agent, which the SDK sends with the global fetch.
instrumentFetch();

// The worker starts when the caller has subscribed to the task: long after the request for it has been answered.
const { promise: subscribed, resolve: startWorker } = Promise.withResolvers<void>();
const queue: Queue = async (row) => {
  await subscribed;
  const worker = fork(new URL("worker.ts", import.meta.url));
  worker.send(JSON.stringify({ ...row, mode }));
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (message: { text: string; spans: ShownSpan[] }) => {
      spans.push(...message.spans);
      resolve(message.text);
    });
  });
};

const agent = await startAgent(queue);

// The caller's webhook. It is complete when the notification of the last state has arrived.
const { promise: notified, resolve: onCompleted } = Promise.withResolvers<void>();
const webhook = createServer(
  traceRequests(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    response.writeHead(204).end();
    if (body.includes("TASK_STATE_COMPLETED")) response.once("close", onCompleted);
  }),
).listen(0, "127.0.0.1");
await new Promise((resolve) => webhook.once("listening", resolve));
const webhookUrl = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/notifications`;

await trace.getTracer("example").startActiveSpan("plan", async (span) => {
  const client = wrapA2AClient(await new ClientFactory().createFromAgentCard(agent.card));
  const request = SendMessageRequest.fromJSON({
    message: { messageId: "m-1", role: "ROLE_USER", parts: [{ text: "Plan the week." }] },
    configuration: { returnImmediately: true, taskPushNotificationConfig: { url: webhookUrl } },
  });
  const { id, tenant } = { tenant: "", id: ((await client.sendMessage(request)) as Task).id };
  for await (const { payload } of client.resubscribeTask({ tenant, id })) {
    if (payload?.$case === "task") startWorker();
    if (payload?.$case === "artifactUpdate") console.log("The caller received the result.");
  }
  await notified;
  span.end();
});

await settled();
webhook.close();
agent.close();
console.log(drawSpans(spans));
