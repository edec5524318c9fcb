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

/** Works in steps until it is told that it may finish. */
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
  it("the client's span lasts until the stream is over, and the handler's too", async () => {
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

  it("an early break ends it without an error, with the last state seen", async () => {
    const { execute, finish } = stepping();
    const agent = await startAgent({ binding, version, execute });
    const client = await connect(agent);
    let count = 0;
    for await (const _ of client.sendMessageStream(request())) if (++count === 2) break;
    const span = find(telemetry.spans(), SpanKind.CLIENT, "SendStreamingMessage");
    expect([span.status.code, span.attributes["error.type"], span.attributes["a2a.task.state"]]).toEqual([
      SpanStatusCode.UNSET,
      undefined,
      "TASK_STATE_WORKING",
    ]);
    finish();
    await telemetry.settled();
    await agent.close();
  });

  it("a signal that cancels it in the middle ends it without an error", async () => {
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
    expect([span.status.code, span.attributes["error.type"]]).toEqual([SpanStatusCode.UNSET, undefined]);
    finish();
    await telemetry.settled();
    await agent.close();
  });

  it("the events are the same with and without", async () => {
    const agent = await startAgent({ binding, version });
    const plain = await plainClient(agent);
    const client = await connect(agent);
    expect(kinds(await drain(client.sendMessageStream(request())))).toEqual(kinds(await drain(plain.sendMessageStream(request()))));
    await agent.close();
  });

  it("after a lost connection the stream is taken up again, in the same trace, beside the first", async () => {
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
      // v1.0's client sends POST, v0.3's GET.
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

it("the call belongs to the context that it was made in, wherever it is consumed", async () => {
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

it("what consumes a stream runs in its own context, not in the call's", async () => {
  const agent = await startAgent();
  const client = await connect(agent);
  await inSpan("agent", async () => {
    const own = trace.getActiveSpan();
    for await (const _ of client.sendMessageStream(request())) expect(trace.getActiveSpan()).toBe(own);
  });
  await agent.close();
});

it("a stream that nobody reads makes no call and has no span", async () => {
  const agent = await startAgent();
  const client = await connect(agent);
  const stream = client.sendMessageStream(request());
  await stream.return();
  expect(await stream.next()).toEqual({ done: true, value: undefined });
  expect(telemetry.started()).toBe(0);
  await agent.close();
});

it("a stream that is dropped in the middle does not keep its span open for ever", async () => {
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

it("a stream is the SDK's in all that can be asked of it", async () => {
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
