import { setTimeout as sleep } from "node:timers/promises";
import { ROOT_CONTEXT, SpanKind, context, propagation, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inSpan, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, send, sendRaw } from "./client.ts";
import { startApp } from "./fastify-app.ts";
import type { TestApp } from "./fastify-app.ts";

let telemetry: TestTelemetry;
let server: TestApp;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

/** The active trace id, and the baggage member by which requests are distinguished. */
function active(): string {
  const traceId = trace.getSpanContext(context.active())?.traceId ?? "none";
  return `${traceId} ${propagation.getBaggage(context.active())?.getEntry("who")?.value ?? "none"}`;
}
const HERE = `${TRACE_ID} alice`;
const HEADERS = { traceparent: TRACEPARENT, baggage: "who=alice" };

const headerLines = (who: string, id: string): string =>
  `traceparent: 00-${id.repeat(32)}-${SPAN_ID}-01\r\nbaggage: who=${who}\r\n`;

const otherContexts: [string, () => Context][] = [
  ["a span", () => trace.setSpan(ROOT_CONTEXT, trace.getTracer("application").startSpan("outer"))],
  [
    "the open SERVER span of another request",
    () => {
      const attributes = { "network.peer.port": 1 };
      const span = trace.getTracer("application").startSpan("outer", { kind: SpanKind.SERVER, attributes });
      return trace.setSpan(ROOT_CONTEXT, span);
    },
  ],
];

describe("the context of one request", () => {
  it("does not leak into concurrent and later requests on the same socket", async () => {
    const seen: Record<string, string[]> = {};
    server = await startApp((app) =>
      app.get("/:name", async (request, reply) => {
        const notes = (seen[request.url] = [active()]);
        request.raw.on("end", () => notes.push(active()));
        reply.raw.on("finish", () => notes.push(active()));
        await sleep(request.url === "/a" ? 40 : 1);
        notes.push(active());
        return "ok";
      }),
    );
    const request = (name: string, lines: string): string => `GET /${name} HTTP/1.1\r\nHost: x\r\n${lines}\r\n`;
    await sendRaw(
      server.port,
      request("a", headerLines("alice", "a")) + request("b", headerLines("bob", "b")) + request("c", "Connection: close\r\n"),
    );
    const [first] = seen["/c"] ?? [];
    expect(first).toMatch(/^[\da-f]{32} none$/);
    const notes = (text: string): string[] => Array.from({ length: 4 }, () => text);
    expect(seen).toEqual({
      "/a": notes(`${"a".repeat(32)} alice`),
      "/b": notes(`${"b".repeat(32)} bob`),
      "/c": notes(first ?? ""),
    });
    const spans = await telemetry.ended(3);
    const own = spans.find((span) => span.attributes["url.path"] === "/c");
    expect(own?.parentSpanContext).toBeUndefined();
  });

  it.each(otherContexts)("does not contain the context in which the server was created: %s", async (_, make) => {
    let seen = "";
    server = await context.with(make(), () => startApp((app) => app.get("/", async () => void (seen = active()))));
    await send(server.url, { headers: HEADERS });
    expect(seen).toBe(HERE);
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
  });
});

describe("an invalid traceparent", () => {
  it.each([
    ["not hexadecimal", "00-zzzz2f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    ["too short", "00-4bf92f35-00f067aa0ba902b7-01"],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN_ID}-01`],
    ["version ff", `ff-${TRACE_ID}-${SPAN_ID}-01`],
    ["longer than version 00", `${TRACEPARENT}-extra`],
    ["two values", [TRACEPARENT, TRACEPARENT.replace("4bf9", "5bf9")]],
  ])("starts a new trace without its tracestate and keeps valid baggage: %s", async (_, traceparent) => {
    let state: string | undefined;
    let baggage: unknown;
    server = await startApp((app) =>
      app.get("/", async () => {
        state = trace.getActiveSpan()?.spanContext().traceState?.serialize();
        baggage = propagation.getActiveBaggage()?.getAllEntries();
        return "ok";
      }),
    );
    await send(server.url, { headers: { traceparent, tracestate: "vendor=1", baggage: "a=1,broken,b=%E0%A4%A" } });
    const [span] = await telemetry.ended(1);
    expect(span?.spanContext().traceId).not.toBe(TRACE_ID);
    expect(span?.parentSpanContext).toBeUndefined();
    expect(state).toBeUndefined();
    expect(baggage).toEqual([["a", { value: "1" }]]);
  });
});

describe("app.inject()", () => {
  const inner = (app: FastifyInstance): unknown => app.get("/inner/:id", async () => active());

  it("is traced like other requests, with the caller in its headers", async () => {
    server = await startApp(inner);
    const answer = await server.app.inject({ url: "/inner/1", headers: HEADERS });
    expect(answer.body).toBe(HERE);
    const [span] = await telemetry.ended(1);
    expect(span?.name).toBe("GET /inner/:id");
    expect(span?.parentSpanContext).toMatchObject({ spanId: SPAN_ID, isRemote: true });
    expect(span?.attributes).toEqual({
      "http.request.method": "GET",
      "http.route": "/inner/:id",
      "http.response.status_code": 200,
      "url.path": "/inner/1",
      "url.scheme": "http",
      "server.address": "localhost",
      "server.port": 80,
      "client.address": "127.0.0.1",
      "network.peer.address": "127.0.0.1",
      "network.protocol.version": "1.1",
      "user_agent.original": "lightMyRequest",
    });
  });

  it("in a handler has a span below the handler's span, which keeps its name and route", async () => {
    server = await startApp((app) => {
      inner(app);
      app.post("/batch", async () => (await app.inject("/inner/1")).body);
    });
    expect((await send(`${server.url}/batch`, { method: "POST", headers: HEADERS })).body).toBe(HERE);
    const [below, above] = await telemetry.ended(2);
    expect(below?.name).toBe("GET /inner/:id");
    expect(above?.name).toBe("POST /batch");
    expect(below?.parentSpanContext?.spanId).toBe(above?.spanContext().spanId);
    expect(above?.attributes).toMatchObject({ "http.route": "/batch", "url.path": "/batch" });
  });

  it("continues an active span of the application", async () => {
    server = await startApp(inner);
    await inSpan("job", () => server.app.inject("/inner/1"));
    await telemetry.settled();
    const [below, job] = telemetry.spans();
    expect(below?.name).toBe("GET /inner/:id");
    expect(job?.name).toBe("job");
    expect(below?.parentSpanContext?.spanId).toBe(job?.spanContext().spanId);
  });
});
