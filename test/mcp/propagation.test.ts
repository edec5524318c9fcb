import { ROOT_CONTEXT, context, propagation } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { extractTraceContext } from "../../src/index.ts";
import type { McpOptions } from "../../src/mcp.ts";
import { setupPropagation } from "../../src/setup.ts";
import { clearGlobals, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { VERSIONS, connectInMemory } from "./peers.ts";
import type { Connected, Version } from "./peers.ts";

type Meta = Record<string, unknown> | undefined;

/** Connects, and returns the `_meta` of the requests with the given method as they arrive. */
async function connectAndWatch(
  version: Version,
  method: string,
  client?: McpOptions,
): Promise<Connected & { readonly seen: Meta[] }> {
  const connected = await connectInMemory(version, client && { client });
  const seen: Meta[] = [];
  const { transport } = connected;
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    if ("method" in message && message.method === method) seen.push(message.params?.["_meta"]);
    return send(message, options);
  };
  return { ...connected, seen };
}

const withBaggage = <Result>(fn: () => Result): Result => {
  const baggage = propagation.createBaggage({ tenant: { value: "acme" }, secret: { value: "s" } });
  return context.with(propagation.setBaggage(context.active(), baggage), fn);
};

describe.each(VERSIONS)("trace context in _meta with %s", (version) => {
  let telemetry: TestTelemetry;
  beforeEach(() => {
    telemetry = startTelemetry();
  });
  afterEach(() => telemetry.stop());

  it("is that of the CLIENT span, beside the caller's own _meta", async () => {
    const { client, seen } = await connectAndWatch(version, "tools/call");
    telemetry.reset();
    const params = Object.freeze({ name: "run", _meta: Object.freeze({ own: "kept" }) });
    await withBaggage(() => client.callTool(params));
    const [, sent] = telemetry.own();
    expect(seen).toEqual([{ own: "kept", traceparent: sent && traceparentOf(sent), baggage: "tenant=acme,secret=s" }]);
  });

  it("replaces what the caller has written by hand", async () => {
    const { client, seen } = await connectAndWatch(version, "tools/call");
    telemetry.reset();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await client.callTool({ name: "run", _meta: { traceparent } });
    const [, sent] = telemetry.own();
    expect(sent?.spanContext().traceId).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(seen[0]?.["traceparent"]).toBe(sent && traceparentOf(sent));
  });

  it("has only the baggage members that are named, also for the own process", async () => {
    const { client, seen } = await connectAndWatch(version, "tools/call", {
      baggageKeys: ["tenant"],
      propagateTo: [],
      baggageTo: [],
    });
    await withBaggage(() => client.callTool({ name: "run" }));
    expect(seen[0]?.["baggage"]).toBe("tenant=acme");
    expect(seen[0]?.["traceparent"]).toBeDefined();
  });

  it("is not followed where the server ignores it", async () => {
    const { client } = await connectInMemory(version, { server: { incoming: "ignore", acceptBaggage: false } });
    telemetry.reset();
    await context.with(context.active(), () => client.callTool({ name: "run" }));
    const [received, sent] = telemetry.own();
    // In memory the handler runs in the sender's context, so that the active span is the same.
    expect(received?.parentSpanContext?.isRemote).not.toBe(true);
    expect(sent?.name).toBe("tools/call run");
  });

  it("links to the sender's span with incoming: link", async () => {
    const { client } = await connectInMemory(version, { server: { incoming: "link" } });
    telemetry.reset();
    await client.callTool({ name: "run" });
    const [received, sent] = telemetry.own();
    expect(received?.links.map((link) => link.context.spanId)).toEqual([sent?.spanContext().spanId]);
  });
});

describe.each(VERSIONS)("without recording, with %s", (version) => {
  afterEach(clearGlobals);

  it("forwards the decision of a call that is not sampled", async () => {
    const telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    const { client, seen } = await connectAndWatch(version, "tools/call");
    await inSpan("agent", () => client.callTool({ name: "run" }));
    expect(String(seen[0]?.["traceparent"])).toMatch(/-00$/);
    await telemetry.stop();
  });

  it("forwards the active trace without an SDK", async () => {
    setupPropagation();
    const { client, seen } = await connectAndWatch(version, "tools/call");
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const active = extractTraceContext({ traceparent }, ROOT_CONTEXT);
    await context.with(active, () => client.callTool({ name: "run" }));
    expect(seen).toEqual([{ traceparent }]);
  });

  it("changes no message outside of a trace without an SDK", async () => {
    const { client, seen } = await connectAndWatch(version, "tools/call");
    await client.callTool({ name: "run" });
    expect(seen).toEqual([undefined]);
  });
});
