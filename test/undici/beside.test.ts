import { SpanKind, context, trace } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { Dispatcher } from "undici";
import { wrapFetch } from "../../src/fetch.ts";
import { traceInterceptor } from "../../src/undici.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { handlerOf, undici } from "./support.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let agent: Dispatcher;

beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  agent = new undici.Agent().compose(traceInterceptor());
  server.requests.length = 0;
});
afterEach(async () => {
  await agent.destroy();
  await telemetry.stop();
});

/** Counts the requests, those that carried the traceparent of one span of ours alone, and the CLIENT spans. */
async function summary(count: number): Promise<object> {
  const issued = new Set((await telemetry.ended(count)).map(traceparentOf));
  await telemetry.settled();
  const carrySpan = server.requests.filter((request) => {
    const sent = server.values("traceparent", request);
    return sent.length === 1 && issued.delete(sent[0] as string);
  });
  const clientSpans = telemetry.spans().filter((span) => span.kind === SpanKind.CLIENT);
  return { requests: server.requests.length, carrySpan: carrySpan.length, clientSpans: clientSpans.length };
}

const oneSpanEach = (count: number): object => ({ requests: count, carrySpan: count, clientSpans: count });

async function read(dispatcher: Dispatcher, path: string, options: object = {}): Promise<string> {
  const { body } = await dispatcher.request({ origin: server.url, path, method: "GET", ...options });
  return body.text();
}

it("records one span when it is composed twice, also around another interceptor", async () => {
  const twice = agent.compose((dispatch) => (opts, handler) => dispatch({ ...opts }, handler)).compose(traceInterceptor());
  await inSpan("agent", () => read(twice, "/ok"));
  expect(await summary(1)).toEqual(oneSpanEach(1));
});

it("records one span with the interceptors of two copies of the package", async () => {
  vi.resetModules();
  const copy = await import("../../src/undici.ts");
  expect(copy.traceInterceptor).not.toBe(traceInterceptor);
  await inSpan("agent", () => read(agent.compose(copy.traceInterceptor()), "/ok"));
  expect(await summary(1)).toEqual(oneSpanEach(1));
});

it("records one span a hop under a traced fetch", async () => {
  const traced = wrapFetch(undici.fetch as unknown as typeof fetch);
  await inSpan("agent", async () => (await traced(`${server.url}/ok`, { dispatcher: agent } as RequestInit)).text());
  expect(await summary(1)).toEqual(oneSpanEach(1));
  telemetry.reset();
  server.requests.length = 0;
  await inSpan("agent", async () => (await traced(`${server.url}/redirect`, { dispatcher: agent } as RequestInit)).text());
  expect(await summary(2)).toEqual(oneSpanEach(2));
});

it("records one span an attempt under a traced fetch and below retry", async () => {
  const traced = wrapFetch(undici.fetch as unknown as typeof fetch);
  const retrying = agent.compose(undici.interceptors.retry({ minTimeout: 1, maxTimeout: 1, maxRetries: 2 }));
  await traced(`${server.url}/broken`, { dispatcher: retrying } as RequestInit).catch(() => {});
  expect(await summary(3)).toEqual(oneSpanEach(3));
  expect(telemetry.own().map((span) => span.attributes["http.request.resend_count"])).toEqual([undefined, 1, 2]);
});

it("gives concurrent requests their own parents, also when they wait for a connection", async () => {
  const narrow = new undici.Agent({ connections: 2 }).compose(traceInterceptor());
  const names = Array.from({ length: 20 }, (_, index) => `agent ${index}`);
  await Promise.all(names.map((name) => inSpan(name, () => read(narrow, `/ok?${encodeURIComponent(name)}`))));
  const own = await telemetry.ended(names.length);
  const parents = own.map(({ parentSpanContext, attributes }) => ({
    requested: decodeURIComponent(new URL(String(attributes["url.full"])).search.slice(1)),
    parent: telemetry.spans().find((span) => span.spanContext().spanId === parentSpanContext?.spanId)?.name,
  }));
  expect(new Set(parents.map(({ parent }) => parent)).size).toBe(names.length);
  for (const { parent, requested } of parents) expect(parent).toBe(requested);
  await narrow.close();
});

it("leaves the caller's context unchanged after the call and in its callback", async () => {
  await inSpan("agent", async () => {
    const active = context.active();
    const pending = read(agent, "/ok");
    expect(context.active()).toBe(active);
    await pending;
    expect(context.active()).toBe(active);
    await new Promise<void>((resolve) => {
      agent.request({ origin: server.url, path: "/ok", method: "GET" }, (_, { body }) => {
        expect(context.active()).toBe(active);
        body.on("data", () => {}).on("end", resolve);
      });
    });
  });
  await telemetry.ended(2);
});

it("runs body generators, handlers and inner interceptors in the call's context, unsuppressed", async () => {
  const seen: object[] = [];
  const look = (where: string): void => {
    const span = trace.getSpan(context.active()) as { kind?: SpanKind } | undefined;
    seen.push({ where, suppressed: isTracingSuppressed(context.active()), inCall: span?.kind === SpanKind.CLIENT });
    trace.getTracer("application").startSpan(where).end();
  };
  const body = (async function* () {
    look("body");
    yield "text";
  })();
  const looking = new undici.Agent()
    .compose((dispatch) => (opts, handler) => {
      look("interceptor");
      return dispatch(opts, handler);
    })
    .compose(traceInterceptor());
  const options = { origin: server.url, path: "/echo", method: "POST" as const, body: body as never };
  await new Promise<void>((resolve) => {
    const handler = handlerOf(
      () => resolve(),
      () => {
        look("data");
        return true;
      },
    );
    looking.dispatch(options, handler);
  });
  expect(seen).toEqual([
    { where: "interceptor", suppressed: false, inCall: true },
    { where: "body", suppressed: false, inCall: true },
    { where: "data", suppressed: false, inCall: true },
  ]);
  expect(telemetry.spans().filter((span) => span.instrumentationScope.name === "application")).toHaveLength(3);
  await looking.close();
});
