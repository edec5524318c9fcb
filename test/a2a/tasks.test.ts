import type { Task } from "@a2a-js/sdk";
import { TaskState } from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import { AgentEvent, DefaultPushNotificationSender, InMemoryPushNotificationStore, ServerCallContext } from "@a2a-js/sdk/server";
import { SpanKind, trace } from "@opentelemetry/api";
import { fork } from "node:child_process";
import { once } from "node:events";
import express from "express";
import { afterAll, beforeEach, expect, it, vi, describe as group } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import { continueTrace, injectTraceContext } from "../../src/index.ts";
import { traceRequests } from "../../src/server/express.ts";
import { listen } from "../support/server.ts";
import { inSpan, startTelemetry, until } from "../support/telemetry.ts";
import { WIRES, connect, find, message, request, startAgent, task, tree, update } from "./agents.ts";
import type { Agent, Execute } from "./agents.ts";

const telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

const pause = (milliseconds = 20): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A part of the executor's work, as a span. */
const work = (name: string): Promise<void> => inSpan(name, () => pause(5));

/** Responds when it has started, and completes its task in the background on request. */
function inBackground(): { execute: Execute; finish: () => void } {
  const { promise: mayFinish, resolve: finish } = Promise.withResolvers<void>();
  const execute: Execute = async (context, bus) => {
    await work("first");
    bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_WORKING)));
    await mayFinish;
    await work("second");
    bus.publish(AgentEvent.statusUpdate(update(context, TaskState.TASK_STATE_COMPLETED)));
  };
  return { execute, finish };
}

const asks: Execute = async (context, bus) => {
  await work(context.task === undefined ? "question" : "answer");
  const state = context.task === undefined ? TaskState.TASK_STATE_INPUT_REQUIRED : TaskState.TASK_STATE_COMPLETED;
  bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_WORKING)));
  bus.publish(AgentEvent.statusUpdate(update(context, state)));
};

const turn = (name: string, inner: string): string[] => [
  `INTERNAL ${name}`,
  "  CLIENT SendMessage",
  "    CLIENT POST",
  "      SERVER SendMessage",
  `        INTERNAL ${inner}`,
];

const POLL = ["  CLIENT GetTask", "    CLIENT *", "      SERVER GetTask"];

/** Starts a task, and polls it twice: while it is being worked on, and when it is completed. */
async function poll(client: Client, { store }: Agent, finish: () => void): Promise<void> {
  const { id } = (await client.sendMessage(request({}, true))) as Task;
  expect((await client.getTask({ tenant: "", id })).status?.state).toBe(TaskState.TASK_STATE_WORKING);
  finish();
  const scope = new ServerCallContext();
  await vi.waitFor(async () => expect((await store.load(id, scope))?.status?.state).toBe(TaskState.TASK_STATE_COMPLETED));
  expect((await client.getTask({ tenant: "", id })).status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
}

group.each(WIRES)("$binding $version", ({ binding, version }) => {
  it("records work after the response in the trace of the call", async () => {
    const { execute, finish } = inBackground();
    const agent = await startAgent({ binding, version, execute });
    const client = await connect(agent);
    const result = (await inSpan("agent", () => client.sendMessage(request({}, true)))) as Task;
    expect(result.status?.state).toBe(TaskState.TASK_STATE_WORKING);
    await until(() => telemetry.spans().some(({ kind }) => kind === SpanKind.SERVER));
    finish();
    await until(() => telemetry.spans().some(({ name }) => name === "second"));
    const spans = telemetry.spans();
    expect(tree(spans)).toEqual([
      "INTERNAL agent",
      "  CLIENT SendMessage",
      "    CLIENT POST",
      "      SERVER SendMessage",
      "        INTERNAL first",
      "        INTERNAL second",
    ]);
    expect(find(spans, SpanKind.SERVER, "SendMessage").attributes["a2a.task.state"]).toBe("TASK_STATE_WORKING");
    await agent.close();
  });

  it("records a second turn, after input was required, in the trace of the second call", async () => {
    const agent = await startAgent({ binding, version, execute: asks });
    const client = await connect(agent);
    const first = (await inSpan("turn 1", () => client.sendMessage(request()))) as Task;
    const second = await inSpan("turn 2", () =>
      client.sendMessage(request({ messageId: "m-2", taskId: first.id, contextId: first.contextId })),
    );
    expect((second as Task).id).toBe(first.id);
    await telemetry.settled();
    expect(tree(telemetry.spans())).toEqual([...turn("turn 1", "question"), ...turn("turn 2", "answer")]);
    const servers = telemetry.spans().filter(({ kind }) => kind === SpanKind.SERVER);
    expect(servers.map(({ attributes }) => [attributes["a2a.task.id"], attributes["a2a.task.state"]])).toEqual([
      [first.id, "TASK_STATE_INPUT_REQUIRED"],
      [first.id, "TASK_STATE_COMPLETED"],
    ]);
    await agent.close();
  });

  it("records the cancellation in the trace of the cancelling call, and the task in its own", async () => {
    const { promise: untilCancelled, resolve: cancelled } = Promise.withResolvers<void>();
    let current: Parameters<Execute>[0] | undefined;
    const agent = await startAgent({
      binding,
      version,
      execute: async (context, bus) => {
        current = context;
        bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_WORKING)));
        await untilCancelled;
        await work("tidying up");
      },
      cancelTask: async (_, bus) => {
        await work("cancelling");
        cancelled();
        bus.publish(AgentEvent.statusUpdate(update(current as Parameters<Execute>[0], TaskState.TASK_STATE_CANCELED)));
      },
    });
    const client = await connect(agent);
    const { id } = (await inSpan("begin", () => client.sendMessage(request({}, true)))) as Task;
    await inSpan("end", () => client.cancelTask({ tenant: "", id, metadata: undefined }));
    await telemetry.settled();
    expect(tree(telemetry.spans())).toEqual([
      "INTERNAL begin",
      "  CLIENT SendMessage",
      "    CLIENT POST",
      "      SERVER SendMessage",
      "        INTERNAL tidying up",
      "INTERNAL end",
      "  CLIENT CancelTask",
      "    CLIENT POST",
      "      SERVER CancelTask",
      "        INTERNAL cancelling",
    ]);
    await agent.close();
  });

  it("records polling in the trace of the call that started the task", async () => {
    const { execute, finish } = inBackground();
    const agent = await startAgent({ binding, version, execute, http: false });
    const client = await connect(agent);
    await inSpan("agent", () => poll(client, agent, finish));
    await telemetry.settled();
    expect(tree(telemetry.spans()).filter((line) => !line.includes("INTERNAL"))).toEqual(
      ["  CLIENT SendMessage", "    CLIENT POST", "      SERVER SendMessage", ...POLL, ...POLL].map((line) =>
        (binding === "JSONRPC" ? line : line.replace("*", "GET")).replace("*", "POST"),
      ),
    );
    await agent.close();
  });

  it("records suppressed polling on neither side", async () => {
    const { execute, finish } = inBackground();
    const agent = await startAgent({
      binding,
      version,
      execute,
      http: false,
      a2a: { polling: "suppress" },
      handler: (handler) => {
        const getTask = handler.getTask.bind(handler);
        handler.getTask = (...args) => inSpan("store", () => getTask(...args));
        return handler;
      },
    });
    const client = await connect(agent, { polling: "suppress" });
    await inSpan("agent", () => poll(client, agent, finish));
    await telemetry.settled();
    expect(tree(telemetry.spans()).filter((line) => !line.includes("INTERNAL"))).toEqual([
      "  CLIENT SendMessage",
      "    CLIENT POST",
      "      SERVER SendMessage",
    ]);
    expect(telemetry.spans().map(({ name }) => name)).not.toContain("store");
    await agent.close();
  });
});

it("records push notifications in the trace of the call that started the task", async () => {
  const received: unknown[] = [];
  const app = express();
  app.use(traceRequests(), express.json({ type: () => true }));
  app.post("/push", (incoming, response) => {
    received.push(trace.getActiveSpan()?.spanContext().traceId);
    response.status(200).json({ got: Object.keys(incoming.body as object) });
  });
  const receiver = await listen(app);
  const undo = instrumentFetch();
  const store = new InMemoryPushNotificationStore();
  const { execute, finish } = inBackground();
  const agent = await startAgent({ execute, sender: new DefaultPushNotificationSender(store) });
  // The sender reads from the store that the handler writes to.
  Object.assign(agent.handler, { pushNotificationStore: store });
  const client = await connect(agent);
  const push = { tenant: "", id: "p", taskId: "", url: `${receiver.url}/push`, token: "t", authentication: undefined };
  const asked = request({}, true);
  await inSpan("agent", () =>
    client.sendMessage({
      ...asked,
      configuration: { acceptedOutputModes: [], returnImmediately: true, taskPushNotificationConfig: push },
    }),
  );
  finish();
  await until(() => received.length === 2);
  await telemetry.settled();
  const lines = tree(telemetry.spans());
  expect(lines.slice(0, 4)).toEqual(["INTERNAL agent", "  CLIENT SendMessage", "    CLIENT POST", "      SERVER SendMessage"]);
  expect(lines.filter((line) => line.startsWith("        ") && !line.includes("INTERNAL"))).toEqual([
    "        CLIENT POST",
    "          SERVER POST /push",
    "        CLIENT POST",
    "          SERVER POST /push",
  ]);
  undo();
  await Promise.all([agent.close(), receiver.close()]);
});

it("continues the trace of a task from a queue in another process", async () => {
  const queue: string[] = [];
  const agent = await startAgent({
    execute: (context, bus) => {
      queue.push(JSON.stringify({ id: context.taskId, trace: injectTraceContext() }));
      bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_SUBMITTED)));
      bus.publish(AgentEvent.statusUpdate(update(context, TaskState.TASK_STATE_COMPLETED)));
    },
  });
  await inSpan("agent", async () => (await connect(agent)).sendMessage(request()));
  await telemetry.settled();
  const worker = fork(new URL("worker.ts", import.meta.url), [queue[0] ?? ""], { execArgv: [] });
  const [span] = (await once(worker, "message")) as [{ traceId: string; parentId: string; name: string }];
  const server = find(telemetry.spans(), SpanKind.SERVER, "SendMessage").spanContext();
  expect(span).toEqual({ name: "work", traceId: server.traceId, parentId: server.spanId });
  await agent.close();
});

it("continues the trace of a task that is resumed from a database", async () => {
  const rows = new Map<string, Record<string, string>>();
  const agent = await startAgent({
    execute: (context, bus) => {
      rows.set(context.taskId, injectTraceContext());
      bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_COMPLETED)));
    },
  });
  await (await connect(agent)).sendMessage(request());
  await telemetry.settled();
  const [[, stored]] = [...rows] as [[string, Record<string, string>]];
  await continueTrace(stored, () => pause(1), { name: "resumed", kind: SpanKind.CONSUMER });
  expect(tree(telemetry.spans())).toEqual([
    "CLIENT SendMessage",
    "  CLIENT POST",
    "    SERVER SendMessage",
    "      CONSUMER resumed",
  ]);
  await agent.close();
});

it.each(WIRES)(
  "makes one trace of three agents, as in the semantic conventions, over $binding $version",
  async ({ binding, version }) => {
    const third = await startAgent({ name: "third", binding, version });
    const second = await startAgent({
      name: "second",
      binding,
      version,
      execute: async (context, bus) => {
        bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_WORKING)));
        for await (const _ of (await connect(third)).sendMessageStream({ ...request(), message: message({ messageId: "m-3" }) }));
        bus.publish(AgentEvent.statusUpdate(update(context, TaskState.TASK_STATE_COMPLETED)));
      },
    });
    const first = await startAgent({
      name: "first",
      binding,
      version,
      execute: async (context, bus) => {
        bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_WORKING)));
        await (await connect(second)).sendMessage(request({ messageId: "m-2" }));
        bus.publish(AgentEvent.statusUpdate(update(context, TaskState.TASK_STATE_COMPLETED)));
      },
    });
    await inSpan("agent", async () => (await connect(first)).sendMessage(request()));
    await telemetry.settled();
    expect(tree(telemetry.spans())).toEqual([
      "INTERNAL agent",
      "  CLIENT SendMessage",
      "    CLIENT POST",
      "      SERVER SendMessage",
      "        CLIENT SendMessage",
      "          CLIENT POST",
      "            SERVER SendMessage",
      "              CLIENT SendStreamingMessage",
      "                CLIENT POST",
      "                  SERVER SendStreamingMessage",
    ]);
    await Promise.all([first.close(), second.close(), third.close()]);
  },
);
