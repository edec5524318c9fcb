import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type * as InstrumentationGrpc from "@opentelemetry/instrumentation-grpc";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { drain, find, request, tree } from "./agents.ts";
import { connectGrpc, startGrpcAgent } from "./grpc-agents.ts";
import type { GrpcAgent } from "./grpc-agents.ts";

// Before the SDK is imported, which keeps the functions of @grpc/grpc-js that it finds then.
const instrumentation = await vi.hoisted(async () => {
  const { createRequire } = await import("node:module");
  const require = createRequire(import.meta.url);
  const { GrpcInstrumentation } = require("@opentelemetry/instrumentation-grpc") as typeof InstrumentationGrpc;
  const created = new GrpcInstrumentation();
  require("@grpc/grpc-js");
  return created;
});

let telemetry: TestTelemetry;
let agent: GrpcAgent;
beforeEach(() => {
  telemetry = startTelemetry();
  instrumentation.setTracerProvider(trace.getTracerProvider());
});
afterEach(async () => {
  agent.close();
  await telemetry.stop();
});

const server = (spans: readonly ReadableSpan[]): ReadableSpan => spans.find(({ kind }) => kind === SpanKind.SERVER)!;
const outcome = ({ status, attributes, events }: ReadableSpan): unknown[] => [status.code, attributes["error.type"], events.length];

describe("A2A over gRPC with instrumentation-grpc", () => {
  it("is one trace, in which the gRPC SERVER span has the A2A attributes and keeps its name", async () => {
    agent = await startGrpcAgent();
    await (await connectGrpc(agent)).sendMessage(request());
    await drain((await connectGrpc(agent)).sendMessageStream(request()));
    await telemetry.settled();
    expect(tree(telemetry.spans())).toEqual([
      "CLIENT SendMessage",
      "  CLIENT grpc.lf.a2a.v1.A2AService/SendMessage",
      "    SERVER grpc.lf.a2a.v1.A2AService/SendMessage",
      "CLIENT SendStreamingMessage",
      "  CLIENT grpc.lf.a2a.v1.A2AService/SendStreamingMessage",
      "    SERVER grpc.lf.a2a.v1.A2AService/SendStreamingMessage",
    ]);
    expect(server(telemetry.spans()).attributes).toMatchObject({
      "a2a.method.name": "SendMessage",
      "a2a.task.state": "TASK_STATE_COMPLETED",
      "gen_ai.agent.name": "researcher",
      "rpc.system": "grpc",
    });
  });

  it("leaves the outcome of the gRPC SERVER span to its instrumentation", async () => {
    agent = await startGrpcAgent();
    await (await connectGrpc(agent)).getTask({ tenant: "", id: "nowhere" }).catch(() => {});
    await telemetry.settled();
    const span = server(telemetry.spans());
    expect(span.name).toBe("grpc.lf.a2a.v1.A2AService/GetTask");
    expect(span.attributes).toMatchObject({ "a2a.method.name": "GetTask", "rpc.grpc.status_code": 5 });
    expect(span.attributes["error.type"]).not.toBe("-32001");
    expect(outcome(find(telemetry.spans(), SpanKind.CLIENT, "GetTask"))).toEqual([SpanStatusCode.ERROR, "NOT_FOUND", 0]);
  });
});
