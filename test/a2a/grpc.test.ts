import type { Task } from "@a2a-js/sdk";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { A2AOptions } from "../../src/a2a.ts";
import { inSpan, shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { completes, drain, find, request, tree } from "./agents.ts";
import { connectGrpc, startGrpcAgent } from "./grpc-agents.ts";
import type { GrpcAgent } from "./grpc-agents.ts";

let telemetry: TestTelemetry;
let agent: GrpcAgent;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  agent.close();
  await telemetry.stop();
});

const server = (spans: readonly ReadableSpan[]): ReadableSpan => spans.find(({ kind }) => kind === SpanKind.SERVER)!;
const outcome = ({ status, attributes, events }: ReadableSpan): unknown[] => [status.code, attributes["error.type"], events.length];

describe("A2A over gRPC", () => {
  it("is one trace, whose A2A spans are the only ones", async () => {
    agent = await startGrpcAgent();
    const result = (await inSpan("agent", async () => (await connectGrpc(agent)).sendMessage(request()))) as Task;
    await telemetry.settled();
    expect(tree(telemetry.spans())).toEqual(["INTERNAL agent", "  CLIENT SendMessage", "    SERVER SendMessage"]);
    const common = {
      "a2a.method.name": "SendMessage",
      "a2a.message.id": "m-1",
      "a2a.protocol.version": "1.0",
      "a2a.task.id": result.id,
      "a2a.task.state": "TASK_STATE_COMPLETED",
      "gen_ai.conversation.id": result.contextId,
      "gen_ai.agent.name": "researcher",
      "gen_ai.agent.description": "the researcher",
      "gen_ai.agent.version": "2.1",
    };
    expect(shapeOf(find(telemetry.spans(), SpanKind.CLIENT, "SendMessage")).attributes).toEqual({
      ...common,
      "server.address": "127.0.0.1",
      "server.port": agent.port,
    });
    expect(shapeOf(server(telemetry.spans())).attributes).toEqual(common);
  });

  it("is one trace for a stream, whose spans cover it to its end", async () => {
    agent = await startGrpcAgent();
    expect(await drain((await connectGrpc(agent)).sendMessageStream(request()))).toHaveLength(2);
    await telemetry.settled();
    expect(tree(telemetry.spans())).toEqual(["CLIENT SendStreamingMessage", "  SERVER SendStreamingMessage"]);
    expect(find(telemetry.spans(), SpanKind.CLIENT, "SendStreamingMessage").attributes["a2a.task.state"]).toBe(
      "TASK_STATE_COMPLETED",
    );
  });

  it("sends the baggage that the policy allows, and the application's own metadata, and changes no argument", async () => {
    const received: unknown[] = [];
    agent = await startGrpcAgent((executing, bus) => {
      received.push(executing.context?.state.get("headers"));
      completes(executing, bus);
    });
    const options = { serviceParameters: { "x-own": "1", Traceparent: "by hand" } };
    const call = async (a2a?: A2AOptions): Promise<unknown> => (await connectGrpc(agent, a2a)).sendMessage(request(), options);
    const baggage = propagation.createBaggage({ tenant: { value: "acme" }, user: { value: "u-1" } });
    await context.with(propagation.setBaggage(context.active(), baggage), async () => {
      await call();
      await call({ baggageKeys: ["tenant"] });
      await call({ baggageTo: [] });
      await call({ propagateTo: "elsewhere.example" });
      await call({ propagateTo: "127.0.0.1" });
    });
    expect(received.map((headers) => (headers as Record<string, string>)["baggage"])).toEqual([
      "tenant=acme,user=u-1",
      "tenant=acme",
      undefined,
      undefined,
      "tenant=acme,user=u-1",
    ]);
    const byHand = received.map((headers) => (headers as Record<string, string>)["traceparent"] === "by hand");
    expect(byHand).toEqual([false, false, false, true, false]);
    expect(received[0]).toMatchObject({ "x-own": "1" });
    expect(options).toEqual({ serviceParameters: { "x-own": "1", Traceparent: "by hand" } });
  });

  it("forwards the incoming context without an SDK", async () => {
    await telemetry.stop();
    const received: unknown[] = [];
    agent = await startGrpcAgent((executing, bus) => {
      received.push((executing.context?.state.get("headers") as Record<string, string> | undefined)?.["traceparent"]);
      completes(executing, bus);
    });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
    const client = await connectGrpc(agent);
    await context.with(trace.setSpanContext(ROOT_CONTEXT, caller), () => client.sendMessage(request()));
    expect(received).toEqual([`00-${caller.traceId}-${caller.spanId}-01`]);
  });

  it("records the gRPC status of an error on the client, and no exception", async () => {
    agent = await startGrpcAgent();
    await expect((await connectGrpc(agent)).getTask({ tenant: "", id: "nowhere" })).rejects.toThrow("Task not found: nowhere");
    await telemetry.settled();
    const client = find(telemetry.spans(), SpanKind.CLIENT, "GetTask");
    expect(outcome(client)).toEqual([SpanStatusCode.ERROR, "NOT_FOUND", 0]);
    expect(client.status.message).toBe("Task not found: nowhere");
    expect(outcome(server(telemetry.spans()))).toEqual([SpanStatusCode.ERROR, "-32001", 0]);
  });

  it("records a timeout as an error, and a cancellation by the signal not", async () => {
    agent = await startGrpcAgent(() => new Promise(() => {}));
    const client = await connectGrpc(agent);
    const send = (signal: AbortSignal): Promise<unknown> => client.sendMessage(request(), { signal }).catch(() => {});
    await send(AbortSignal.timeout(50));
    await send(AbortSignal.abort());
    const clients = telemetry.spans().filter(({ kind }) => kind === SpanKind.CLIENT);
    expect(clients.map(outcome).map(([status, type]) => [status, type])).toEqual([
      [SpanStatusCode.ERROR, "TimeoutError"],
      [SpanStatusCode.UNSET, undefined],
    ]);
  });
});
