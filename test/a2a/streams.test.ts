import type { StreamResponse } from "@a2a-js/sdk";
import { TaskState } from "@a2a-js/sdk";
import { AgentEvent } from "@a2a-js/sdk/server";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { afterAll, beforeEach, expect, it, describe as group } from "vitest";
import { inSpan, startTelemetry, until } from "../support/telemetry.ts";
import { WIRES, connect, drain, find, plainClient, request, startAgent, task, tree, update } from "./agents.ts";
import type { Execute } from "./agents.ts";

const telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

/** Works in steps until it may finish. */
function stepping(): { execute: Execute; finish: () => void } {
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const execute: Execute = async (context, bus) => {
    bus.publish(AgentEvent.task(task(context, TaskState.TASK_STATE_SUBMITTED)));
    bus.publish(AgentEvent.statusUpdate(update(context, TaskState.TASK_STATE_WORKING)));
    await finished;
    bus.publish(AgentEvent.statusUpdate(update(context, TaskState.TASK_STATE_COMPLETED)));
  };
  return { execute, finish };
}

const kinds = (events: StreamResponse[]): unknown => events.map(({ payload }) => payload?.$case);

group.each(WIRES)("$binding $version", ({ binding, version }) => {
  it("ends the spans of the client and the handler with the stream", async () => {
    const { execute, finish } = stepping();
    const agent = await startAgent({ binding, version, execute });
    const stream = (await connect(agent)).sendMessageStream(request());
    await stream.next();
    expect(telemetry.spans()).toEqual([]);
    finish();
    await drain(stream);
    await telemetry.settled();
    expect(find(telemetry.spans(), SpanKind.CLIENT, "SendStreamingMessage").attributes["a2a.task.state"]).toBe(
      "TASK_STATE_COMPLETED",
    );
    await agent.close();
  });

  it("ends the span without an error, with the last state, when the consumer stops early", async () => {
    const { execute, finish } = stepping();
    const agent = await startAgent({ binding, version, execute });
    const client = await connect(agent);
    let count = 0;
    for await (const _ of client.sendMessageStream(request())) if (++count === 2) break;
    const span = find(telemetry.spans(), SpanKind.CLIENT, "SendStreamingMessage");
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).not.toHaveProperty(["error.type"]);
    expect(span.attributes["a2a.task.state"]).toBe("TASK_STATE_WORKING");
    finish();
    await telemetry.settled();
    await agent.close();
  });

  it("ends the span without an error when a signal cancels the stream", async () => {
    const { execute, finish } = stepping();
    const agent = await startAgent({ binding, version, execute });
    const client = await connect(agent);
    const controller = new AbortController();
    const reading = (async () => {
      for await (const { payload } of client.sendMessageStream(request(), { signal: controller.signal })) {
        if (payload?.$case === "statusUpdate") controller.abort();
      }
    })();
    await expect(reading).rejects.toHaveProperty("name", "AbortError");
    const span = find(telemetry.spans(), SpanKind.CLIENT, "SendStreamingMessage");
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).not.toHaveProperty(["error.type"]);
    finish();
    await telemetry.settled();
    await agent.close();
  });

  it("delivers the same events with and without wrapping", async () => {
    const agent = await startAgent({ binding, version });
    const plain = await plainClient(agent);
    const client = await connect(agent);
    expect(kinds(await drain(client.sendMessageStream(request())))).toEqual(kinds(await drain(plain.sendMessageStream(request()))));
    await agent.close();
  });

  it("records a stream that is resumed after a lost connection in the same trace", async () => {
    const { execute, finish } = stepping();
    const agent = await startAgent({ binding, version, execute });
    const client = await connect(agent);
    await inSpan("agent", async () => {
      let id = "";
      const lost = (async () => {
        for await (const { payload } of client.sendMessageStream(request())) {
          if (payload?.$case === "task") id = payload.value.id;
          if (payload?.$case === "statusUpdate") agent.server.closeAllConnections();
        }
      })();
      await expect(lost).rejects.toThrow("terminated");
      const again = client.resubscribeTask({ tenant: "", id });
      await again.next();
      finish();
      await drain(again);
    });
    await telemetry.settled();
    const spans = telemetry.spans();
    expect(tree(spans)).toEqual([
      "INTERNAL agent",
      "  CLIENT SendStreamingMessage",
      "    CLIENT POST",
      "      SERVER SendStreamingMessage",
      "  CLIENT SubscribeToTask",
      // The client of v1.0 sends POST, that of v0.3 GET.
      `    CLIENT ${version === "0.3" && binding === "HTTP+JSON" ? "GET" : "POST"}`,
      "      SERVER SubscribeToTask",
    ]);
    const first = find(spans, SpanKind.CLIENT, "SendStreamingMessage");
    const second = find(spans, SpanKind.CLIENT, "SubscribeToTask");
    expect(first.status.code).toBe(SpanStatusCode.ERROR);
    expect(first.attributes["error.type"]).toBe("UND_ERR_SOCKET");
    expect(second.attributes).toMatchObject({
      "a2a.task.id": first.attributes["a2a.task.id"],
      "a2a.task.state": "TASK_STATE_COMPLETED",
    });
    await agent.close();
  });
});

it("records the call in the context in which it was made, wherever the stream is consumed", async () => {
  const agent = await startAgent();
  const client = await connect(agent);
  const stream = await inSpan("agent", () => ({ events: client.sendMessageStream(request()) }));
  await inSpan("reader", () => drain(stream.events));
  await telemetry.settled();
  expect(tree(telemetry.spans())).toEqual([
    "INTERNAL agent",
    "  CLIENT SendStreamingMessage",
    "    CLIENT POST",
    "      SERVER SendStreamingMessage",
    "INTERNAL reader",
  ]);
  await agent.close();
});

it("keeps the context of the consumer of a stream", async () => {
  const agent = await startAgent();
  const client = await connect(agent);
  await inSpan("agent", async () => {
    const own = trace.getActiveSpan();
    for await (const _ of client.sendMessageStream(request())) expect(trace.getActiveSpan()).toBe(own);
  });
  await agent.close();
});

it("starts no call and no span for a stream that is not read", async () => {
  const agent = await startAgent();
  const client = await connect(agent);
  const stream = client.sendMessageStream(request());
  await stream.return();
  expect(await stream.next()).toEqual({ done: true, value: undefined });
  expect(telemetry.started()).toBe(0);
  await agent.close();
});

it("ends the span of a stream that is dropped when it is garbage-collected", async () => {
  const { execute, finish } = stepping();
  const agent = await startAgent({ execute });
  const client = await connect(agent);
  await (async () => void (await client.sendMessageStream(request()).next()))();
  finish();
  await until(() => {
    globalThis.gc?.();
    return telemetry.spans().some(({ name, kind }) => kind === SpanKind.CLIENT && name === "SendStreamingMessage");
  });
  expect(find(telemetry.spans(), SpanKind.CLIENT, "SendStreamingMessage").status.code).toBe(SpanStatusCode.UNSET);
  await agent.close();
});

it("returns streams with the classes and properties of the SDK's streams", async () => {
  const agent = await startAgent();
  const plain = (await plainClient(agent)).sendMessageStream(request());
  const client = await connect(agent);
  const stream = client.sendMessageStream(request());
  expect(Object.prototype.toString.call(stream)).toBe("[object AsyncGenerator]");
  expect(Object.keys(stream)).toEqual(Object.keys(plain));
  expect(Object.getPrototypeOf(Object.getPrototypeOf(stream))).toBe(Object.getPrototypeOf(plain));
  expect(stream[Symbol.asyncIterator]()).toBe(stream);
  expect(typeof stream[Symbol.asyncDispose]).toBe("function");
  await stream[Symbol.asyncDispose]();
  await plain.return();
  const failing = client.sendMessageStream(request());
  const reason = new Error("mine");
  await expect(failing.throw(reason)).rejects.toBe(reason);
  await agent.close();
});
