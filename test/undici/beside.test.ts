import { SpanKind, context, trace } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
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

/** How many requests carried the traceparent of a span of ours alone, how many spans of calls there were, how many of them were not carried. */
async function counted(count: number): Promise<number[]> {
  const own = await telemetry.ended(count);
  await telemetry.settled();
  const issued = new Set(own.map(traceparentOf));
  const right = server.requests.filter((request) => server.values("traceparent", request).every((id) => issued.delete(id)));
  return [right.length, telemetry.spans().filter((span) => span.kind === SpanKind.CLIENT).length, issued.size];
}

async function read(dispatcher: Dispatcher, path: string, options: object = {}): Promise<string> {
  const { body } = await dispatcher.request({ origin: server.url, path, method: "GET", ...options });
  return body.text();
}

test("composed twice, also around another interceptor, there is one span", async () => {
  const twice = agent.compose((dispatch) => (opts, handler) => dispatch({ ...opts }, handler)).compose(traceInterceptor());
  await inSpan("agent", () => read(twice, "/ok"));
  expect(await counted(1)).toEqual([1, 1, 0]);
});

test("by two copies of the package there is one span", async () => {
  vi.resetModules();
  const copy = await import("../../src/undici.ts");
  expect(copy.traceInterceptor).not.toBe(traceInterceptor);
  await inSpan("agent", () => read(agent.compose(copy.traceInterceptor()), "/ok"));
  expect(await counted(1)).toEqual([1, 1, 0]);
});

test("under a fetch that is traced too there is one span, and one for each hop", async () => {
  const traced = wrapFetch(undici.fetch as unknown as typeof fetch);
  await inSpan("agent", async () => (await traced(`${server.url}/ok`, { dispatcher: agent } as RequestInit)).text());
  expect(await counted(1)).toEqual([1, 1, 0]);
  telemetry.reset();
  server.requests.length = 0;
  await inSpan("agent", async () => (await traced(`${server.url}/redirect`, { dispatcher: agent } as RequestInit)).text());
  expect(await counted(2)).toEqual([2, 2, 0]);
});

test("under a traced fetch and inside of retry each attempt is a span, by whichever sees it", async () => {
  const traced = wrapFetch(undici.fetch as unknown as typeof fetch);
  const retrying = agent.compose(undici.interceptors.retry({ minTimeout: 1, maxTimeout: 1, maxRetries: 2 }));
  await traced(`${server.url}/broken`, { dispatcher: retrying } as RequestInit).catch(() => {});
  expect(await counted(3)).toEqual([3, 3, 0]);
  expect(telemetry.own().map((span) => span.attributes["http.request.resend_count"])).toEqual([undefined, 1, 2]);
});

test("many at once, also more than there are connections for: each has its own parent", async () => {
  const narrow = new undici.Agent({ connections: 2 }).compose(traceInterceptor());
  const names = Array.from({ length: 20 }, (_, index) => `agent ${index}`);
  await Promise.all(names.map((name) => inSpan(name, () => read(narrow, `/ok?${encodeURIComponent(name)}`))));
  const own = await telemetry.ended(names.length);
  const parents = own.map(({ parentSpanContext, attributes }) => [
    telemetry.spans().find((span) => span.spanContext().spanId === parentSpanContext?.spanId)?.name,
    decodeURIComponent(new URL(String(attributes["url.full"])).search.slice(1)),
  ]);
  expect(new Set(parents.map(([parent]) => parent)).size).toBe(names.length);
  parents.forEach(([parent, asked]) => expect(parent).toBe(asked));
  await narrow.close();
});

test("the caller's context is what it was, after the call and in its callback", async () => {
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

test("a body generator, a handler and an interceptor beneath run in the call's context, and none of them is suppressed", async () => {
  const seen: [string, boolean, boolean][] = [];
  const look = (where: string): void => {
    const span = trace.getSpan(context.active()) as { kind?: SpanKind } | undefined;
    seen.push([where, isTracingSuppressed(context.active()), span?.kind === SpanKind.CLIENT]);
    trace.getTracer("application").startSpan(where).end();
  };
  const body = (async function* () {
    look("body");
    yield "text";
  })();
  const looking = new undici.Agent()
    .compose((dispatch) => (opts, handler) => {
      look("beneath");
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
    ["beneath", false, true],
    ["body", false, true],
    ["data", false, true],
  ]);
  expect(telemetry.spans().filter((span) => span.instrumentationScope.name === "application")).toHaveLength(3);
  await looking.close();
});
