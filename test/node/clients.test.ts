import { context, propagation } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentNode } from "../../src/node.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { getSpan, inSpan, shapeOf, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { PLAIN, WRAPPED, httpGet } from "./clients.ts";

let server: TestServer;
let other: TestServer;
beforeAll(async () => {
  other = await serve(ROUTES);
  server = await serve({
    ...ROUTES,
    "/elsewhere": (_, response) => void response.writeHead(302, { location: `${other.url}/ok` }).end("moved"),
  });
});
afterAll(async () => {
  await server.close();
  await other.close();
});

let telemetry: TestTelemetry;
let undo: (() => void) | undefined;
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
  other.requests.length = 0;
});
afterEach(async () => {
  undo?.();
  undo = undefined;
  await telemetry.stop();
});

const sentTo = (recorder: TestServer, name: string): string[][] =>
  recorder.requests.map((request) => recorder.values(name, request));

describe.each(Object.entries(PLAIN))("a request of %s", (_, get) => {
  beforeEach(() => void (undo = instrumentNode()));

  it("has one CLIENT span, whose traceparent is sent, under the caller's span", async () => {
    expect(await inSpan("agent", () => get(`${server.url}/ok`))).toBe("hello");
    const [span] = await telemetry.ended(1);
    expect(shapeOf(span!)).toEqual(getSpan(server, "/ok"));
    expect(sentTo(server, "traceparent")).toEqual([[traceparentOf(span!)]]);
    await telemetry.settled();
    const parent = telemetry.spans().find(({ name }) => name === "agent");
    expect(span!.parentSpanContext?.spanId).toBe(parent!.spanContext().spanId);
  });

  it("has a span for each hop of a redirect, under the same parent", async () => {
    expect(await inSpan("agent", () => get(`${server.url}/redirect`))).toBe("hello");
    const [first, hop] = await telemetry.ended(2);
    expect(shapeOf(first!)).toEqual(getSpan(server, "/redirect", { "http.response.status_code": 302 }));
    expect(shapeOf(hop!)).toEqual(getSpan(server, "/ok", { "http.request.resend_count": 1 }));
    expect(sentTo(server, "traceparent")).toEqual([[traceparentOf(first!)], [traceparentOf(hop!)]]);
    expect(hop!.parentSpanContext).toEqual(first!.parentSpanContext);
  });

  it("is left alone while tracing is suppressed", async () => {
    await context.with(suppressTracing(context.active()), () => get(`${server.url}/ok`));
    expect(telemetry.started()).toBe(0);
    expect(sentTo(server, "traceparent")).toEqual([[]]);
  });
});

describe.each(Object.entries(PLAIN))("the policy for a request of %s", (_, get) => {
  const withBaggage = (url: string): Promise<string> => {
    const baggage = propagation.createBaggage({ tenant: { value: "1" } });
    return context.with(propagation.setBaggage(context.active(), baggage), () => get(url));
  };

  it("decides on each hop of a redirect", async () => {
    undo = instrumentNode({ propagateTo: server.url });
    await withBaggage(`${server.url}/elsewhere`);
    const [first] = await telemetry.ended(2);
    expect(sentTo(server, "traceparent")).toEqual([[traceparentOf(first!)]]);
    expect(sentTo(server, "baggage")).toEqual([["tenant=1"]]);
    expect([...sentTo(other, "traceparent"), ...sentTo(other, "baggage")]).toEqual([[], []]);
  });
});

describe.each(Object.entries(WRAPPED))("a request of %s beside instrumentNode()", (_, wrap) => {
  it("has one span for each hop", async () => {
    undo = instrumentNode();
    expect(await wrap()(`${server.url}/redirect`)).toBe("hello");
    const spans = await telemetry.ended(2);
    await telemetry.settled();
    expect(telemetry.started()).toBe(2);
    expect(sentTo(server, "traceparent")).toEqual(spans.map((span) => [traceparentOf(span)]));
  });

  it.each(["instrumentNode()", "the client"])("carries only what both policies allow, if %s excludes the host", async (strict) => {
    const excluding = { propagateTo: "agents.example" };
    undo = instrumentNode(strict === "the client" ? {} : excluding);
    const get = wrap(strict === "the client" ? excluding : {});
    await get(`${server.url}/ok`);
    expect(sentTo(server, "traceparent")).toEqual([[]]);
    await telemetry.ended(1);
    await telemetry.settled();
    expect(telemetry.started()).toBe(1);
  });

  it("carries nothing to a host that a redirect leads to and one policy excludes, unsampled", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: { shouldSample: () => ({ decision: 0 }), toString: () => "none" } });
    undo = instrumentNode({ propagateTo: server.url });
    await inSpan("agent", () => wrap({})(`${server.url}/elsewhere`));
    expect(sentTo(server, "traceparent")).toEqual([[expect.stringMatching(/-00$/)]]);
    expect(sentTo(other, "traceparent")).toEqual([[]]);
  });
});

describe("a request without an SDK", () => {
  it.each(Object.entries(PLAIN))("of %s carries the context that was received", async (_, get) => {
    await telemetry.stop();
    telemetry = startTelemetry();
    undo = instrumentNode();
    await inSpan("agent", async () => {
      const { trace } = await import("@opentelemetry/api");
      trace.disable();
      await get(`${server.url}/ok`);
    });
    expect(sentTo(server, "traceparent")).toEqual([[expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-01$/)]]);
  });

  it("carries nothing outside of a trace", async () => {
    await telemetry.stop();
    undo = instrumentNode();
    await httpGet(`${server.url}/ok`);
    await (await fetch(`${server.url}/ok`)).text();
    expect(sentTo(server, "traceparent")).toEqual([[], []]);
  });
});
