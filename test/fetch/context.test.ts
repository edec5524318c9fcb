import { ROOT_CONTEXT, context, createContextKey, trace } from "@opentelemetry/api";
import { isTracingSuppressed, unsuppressTracing } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { AsyncLocalStorage } from "node:async_hooks";
import { setInterval } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { streamed } from "./control.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void;
const platform = globalThis.fetch;
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  undo = instrumentFetch();
});
afterEach(async () => {
  undo();
  await telemetry.stop();
});

const span = (name: string): void => trace.getTracer("application").startSpan(name).end();
const named = (name: string): ReadableSpan[] => telemetry.spans().filter((found) => found.name === name);
const parentsOf = (name: string): unknown[] => named(name).map((found) => found.parentSpanContext?.spanId);
const idOf = (found: ReadableSpan | undefined): string | undefined => found?.spanContext().spanId;

it("leaves the caller's context unchanged after the call, its response and its body", async () => {
  const key = createContextKey("application");
  const storage = new AsyncLocalStorage<string>();
  const mine = ROOT_CONTEXT.setValue(key, "mine");
  await storage.run("stored", () =>
    context.with(mine, async () => {
      const seen: unknown[] = [];
      const look = (): void => void seen.push(context.active() === mine, storage.getStore());
      const pending = fetch(`${server.url}/events`);
      look();
      const response = await pending;
      look();
      for await (const _ of response.body ?? []) look();
      look();
      await fetch("http://127.0.0.1:1/").catch(look);
      await fetch(`${server.url}/ok`).then(look);
      await fetch(`${server.url}/ok`).finally(look);
      expect(seen).toEqual(seen.map((_, index) => (index % 2 === 0 ? true : "stored")));
    }),
  );
});

it("leaves the root context active outside of any call", async () => {
  await (await fetch(`${server.url}/ok`)).text();
  expect(context.active()).toBe(ROOT_CONTEXT);
  expect(trace.getActiveSpan()).toBeUndefined();
});

it("keeps the spans of a body generator in the call's trace", async () => {
  const suppressed: boolean[] = [];
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const _ of setInterval(2)) {
      span("chunk");
      suppressed.push(isTracingSuppressed(context.active()));
      yield Buffer.from("chunk");
      if (suppressed.length === 3) return;
    }
  }
  await inSpan("work", async () => (await fetch(`${server.url}/echo`, streamed(chunks()))).text());
  const [client] = await telemetry.ended(1);
  expect(suppressed).toEqual([false, false, false]);
  expect(named("chunk")).toHaveLength(3);
  for (const chunk of named("chunk")) expect(chunk.spanContext().traceId).toBe(client?.spanContext().traceId);
});

it("keeps the spans of a ReadableStream's pull", async () => {
  let count = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      span("pull");
      if (++count === 3) controller.close();
      else controller.enqueue(Buffer.from("x"));
    },
  });
  await (await fetch(`${server.url}/echo`, streamed(body))).text();
  await telemetry.ended(1);
  expect(named("pull").length).toBeGreaterThanOrEqual(3);
});

it("makes spans of the stream's reader children of the reader's span", async () => {
  await inSpan("work", async () => {
    const response = await fetch(`${server.url}/events`);
    for await (const _ of response.body ?? []) span("event");
  });
  const [client] = await telemetry.ended(1);
  expect(new Set(parentsOf("event"))).toEqual(new Set([idOf(named("work")[0])]));
  expect(parentsOf("event")).not.toContain(idOf(client));
});

it("makes spans in then and catch children of the caller's span", async () => {
  await inSpan("work", async () => {
    await fetch(`${server.url}/ok`).then(() => span("then"));
    await fetch("http://127.0.0.1:1/").catch(() => span("catch"));
  });
  const work = idOf(named("work")[0]);
  expect(parentsOf("then")).toEqual([work]);
  expect(parentsOf("catch")).toEqual([work]);
});

it("keeps the spans of an abort listener", async () => {
  const controller = new AbortController();
  controller.signal.addEventListener("abort", () => span("aborted"));
  server.server.once("request", () => controller.abort());
  await inSpan("work", () => fetch(`${server.url}/stall`, { signal: controller.signal }).catch(() => {}));
  await telemetry.ended(1);
  expect(named("aborted")).toHaveLength(1);
});

it("runs a custom fetch inside the call's span and keeps its spans", async () => {
  const traced = wrapFetch(async (input, init) => {
    expect(isTracingSuppressed(context.active())).toBe(false);
    span("at once");
    await new Promise((resolve) => setImmediate(resolve));
    span("later");
    return platform(input, init);
  });
  await (await traced(`${server.url}/ok`)).text();
  const [client] = await telemetry.ended(1);
  expect(parentsOf("at once")).toEqual([idOf(client)]);
  expect(parentsOf("later")).toEqual([idOf(client)]);
});

it.each([
  ["the instrumented global fetch", (): typeof fetch => (input, init) => fetch(input, init)],
  ["another wrapped fetch", (): typeof fetch => wrapFetch((input, init) => platform(input, init))],
])("records a call of its own for a custom fetch that first gets a token with %s", async (_, make) => {
  server.requests.length = 0;
  const inner = make();
  const traced = wrapFetch(async (input, init) => {
    const { answer } = (await (await inner(`${server.url}/json`)).json()) as { answer: number };
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${answer}`);
    return platform(input, { ...init, headers });
  });
  await inSpan("work", async () => (await traced(`${server.url}/ok`)).text());
  const own = await telemetry.ended(2);
  const [token, asked] = ["/json", "/ok"].map((path) => own.find(({ attributes }) => attributes["url.full"] === server.url + path));
  expect(token?.parentSpanContext?.spanId).toBe(idOf(asked));
  expect(asked?.parentSpanContext?.spanId).toBe(idOf(named("work")[0]));
  expect(server.requests.map((request) => server.values("traceparent", request))).toEqual([
    [traceparentOf(token as never)],
    [traceparentOf(asked as never)],
  ]);
  expect(server.requests[1]?.headers.authorization).toBe("Bearer 42");
});

it("traces a custom fetch that unsuppresses tracing for its request", async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtExceptionMonitor", note);
  const traced = wrapFetch((input, init) => context.with(unsuppressTracing(context.active()), () => platform(input, init)));
  await (await traced(`${server.url}/ok`)).text();
  const [client] = await telemetry.ended(1);
  process.off("uncaughtExceptionMonitor", note);
  expect(uncaught).toEqual([]);
  expect(server.values("traceparent")).toEqual([traceparentOf(client as never)]);
});

it("records the attempts of a custom fetch that retries, each with its own traceparent", async () => {
  server.requests.length = 0;
  const traced = wrapFetch(async (input, init) => {
    await (await platform(`${server.url}/broken`, init)).text();
    return platform(input, init);
  });
  await (await traced(`${server.url}/ok`)).text();
  const own = await telemetry.ended(2);
  expect(own.map(({ attributes }) => attributes["http.response.status_code"])).toEqual([500, 200]);
  expect(own.map(({ attributes }) => attributes["http.request.resend_count"])).toEqual([undefined, 1]);
  expect(server.requests.map((request) => server.values("traceparent", request))).toEqual(
    own.map((found) => [traceparentOf(found)]),
  );
});

it("ends the span of a custom fetch's cached response at the headers, without a peer", async () => {
  const cached = wrapFetch(async () => new Response("cached", { status: 203 }));
  expect(await (await cached("https://agent.example/card")).text()).toBe("cached");
  const [client] = await telemetry.ended(1);
  expect(client?.attributes).toEqual({
    "http.request.method": "GET",
    "http.response.status_code": 203,
    "server.address": "agent.example",
    "server.port": 443,
    "url.full": "https://agent.example/card",
  });
});

it("throws and returns synchronously what a custom fetch does", async () => {
  const error = new RangeError("mine");
  const throws = wrapFetch(() => {
    throw error;
  });
  expect(() => throws(server.url)).toThrow(error);
  const response = new Response("at once");
  expect(wrapFetch((() => response) as unknown as typeof fetch)(server.url)).toBe(response);
  const statuses = (await telemetry.ended(2)).map(({ status }) => status.code);
  expect(statuses).toEqual([2, 0]);
});

it("traces and propagates without a context manager", async () => {
  await telemetry.stop();
  telemetry = startTelemetry({ contextManager: false });
  await (await fetch(`${server.url}/redirect`)).text();
  const own = await telemetry.ended(2);
  expect(server.values("traceparent")).toEqual([traceparentOf(own[1] as never)]);
});
