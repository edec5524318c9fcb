import { createRequire } from "node:module";
import { defaultServerCallContextBuilder } from "@a2a-js/sdk/server";
import { SpanKind, SpanStatusCode, context, trace } from "@opentelemetry/api";
import { getRPCMetadata } from "@opentelemetry/core";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { completes, connect, find, request, startAgent, tree } from "./agents.ts";

const instrumentation = new HttpInstrumentation({ enabled: false, disableOutgoingRequestInstrumentation: true });

function instrument(): void {
  instrumentation.setTracerProvider(trace.getTracerProvider());
  instrumentation.enable();
  createRequire(import.meta.url)("node:http"); // so that it is patched
}

let telemetry: TestTelemetry | undefined;
beforeEach(() => instrumentation.disable());
afterEach(async () => {
  instrumentation.disable();
  await telemetry?.stop();
});

it.each([true, false])(
  "keeps the method as the name of instrumentation-http's SERVER span, which has a route (with traceRequests: %s)",
  async (http) => {
    telemetry = startTelemetry();
    instrument();
    const agent = await startAgent({
      http,
      contextBuilder: (options) => {
        // As instrumentation of the framework does before it calls a route's handler.
        const metadata = getRPCMetadata(context.active());
        if (metadata !== undefined) metadata.route = "/agents/:name";
        return defaultServerCallContextBuilder(options);
      },
    });
    await (await connect(agent)).sendMessage(request());
    await telemetry.settled();
    expect(tree(telemetry.spans())).toEqual(["CLIENT SendMessage", "  CLIENT POST", "    SERVER SendMessage"]);
    const server = find(telemetry.spans(), SpanKind.SERVER, "SendMessage");
    expect(server.instrumentationScope.name).toContain("instrumentation-http");
    expect(server.status.code).toBe(SpanStatusCode.UNSET);
    expect(server.attributes).toMatchObject({
      "a2a.method.name": "SendMessage",
      "a2a.task.state": "TASK_STATE_COMPLETED",
      "http.route": http ? "/agents/researcher" : "/agents/:name",
    });
    await agent.close();
  },
);

it("keeps the decision not to sample on both sides, in one trace", async () => {
  telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
  const traces: (string | undefined)[] = [];
  const agent = await startAgent({
    execute: (executing, bus) => {
      traces.push(trace.getActiveSpan()?.spanContext().traceId);
      completes(executing, bus);
    },
  });
  const client = await connect(agent);
  await trace.getTracer("application").startActiveSpan("agent", async (span) => {
    await client.sendMessage(request());
    traces.push(span.spanContext().traceId);
  });
  expect(traces[0]).toBe(traces[1]);
  expect(telemetry.spans()).toEqual([]);
  await agent.close();
});
