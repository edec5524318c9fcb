import { setTimeout as sleep } from "node:timers/promises";
import { DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, context, diag, propagation, trace } from "@opentelemetry/api";
import type { Attributes } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { wrapFetch } from "../../src/fetch.ts";
import { traceRequests } from "../../src/server/web.ts";
import type { WebOptions } from "../../src/server/web.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID } from "./client.ts";
import { startMetrics } from "./metrics.ts";
import { activeTrace, webSpan } from "./web.ts";

let telemetry: TestTelemetry;
const heard = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};
beforeEach(() => {
  telemetry = startTelemetry();
  heard.mockReset();
  diag.setLogger({ error: heard, warn: heard, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ALL);
});
afterEach(() => telemetry.stop());

const HEADERS = { traceparent: TRACEPARENT, tracestate: "vendor=1", baggage: "who=alice" };
const request = (path = "/", init: RequestInit = {}): Request =>
  new Request(`http://agents.example:8080${path}`, { headers: HEADERS, ...init });
const ok = (): Response => new Response(activeTrace() ?? "none");
const thrower = (): never => {
  throw new Error("not mine");
};

/** The whole span of a GET that was answered. */
const expected = (path: string, more: Attributes = {}, shaped: Partial<SpanShape> = {}): SpanShape =>
  webSpan({ "server.port": 8080, "url.path": path, ...more }, shaped);
const onlySpan = async (): Promise<SpanShape> => shapeOf((await telemetry.ended(1))[0] as never);

describe("a request", () => {
  test("gets a SERVER span that continues its caller's trace", async () => {
    expect(await traceRequests(ok)(request("/rpc")).text()).toBe(TRACE_ID);
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(expected("/rpc"));
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true });
    expect(span?.spanContext().traceState?.serialize()).toBe("vendor=1");
  });

  test("whose traceparent is broken begins a new trace", async () => {
    traceRequests(ok)(request("/", { headers: { traceparent: `${TRACEPARENT}-extra`, tracestate: "vendor=1" } }));
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.spanContext().traceId).not.toBe(TRACE_ID);
  });

  test.each<[string, Attributes]>([
    ["https://agents.example", { "url.scheme": "https", "server.port": 443 }],
    ["http://agents.example/?a=1&sig=2#part", { "url.query": "a=1&sig=REDACTED", "server.port": 80 }],
    ["http://[2001:db8::1]:3000/", { "server.address": "2001:db8::1", "server.port": 3000 }],
    ["http://agents.example?u=http://user:pass@y/?z", { "url.query": "u=http://user:pass@y/?z", "server.port": 80 }],
  ])("of %s says so", async (url, attributes) => {
    traceRequests(ok)(new Request(url));
    expect(await onlySpan()).toEqual(expected("/", attributes));
  });

  test("of a method that is not known is _OTHER", async () => {
    traceRequests(ok)(request("/", { method: "PROPFIND" }));
    const method = { "http.request.method": "_OTHER", "http.request.method_original": "PROPFIND" };
    expect(await onlySpan()).toEqual(expected("/", method, { name: "HTTP" }));
  });

  test("has a client address where trustProxy believes its headers, else none", async () => {
    const headers = { forwarded: "for=192.0.2.60" };
    traceRequests(ok)(request("/", { headers }));
    traceRequests(ok, { trustProxy: true })(request("/", { headers }));
    const spans = await telemetry.ended(2);
    expect(spans.map((span) => span.attributes["client.address"])).toEqual([undefined, "192.0.2.60"]);
  });

  test("says the version that Cloudflare has spoken with the client", async () => {
    traceRequests(ok)(Object.assign(request(), { cf: { httpProtocol: "HTTP/3" } }));
    expect(await onlySpan()).toEqual(expected("/", { "network.protocol.version": "3" }));
  });

  test("is counted in http.server.request.duration, also where it is not sampled", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    const measured = startMetrics();
    traceRequests(ok)(request());
    const attributes = { "http.request.method": "GET", "http.response.status_code": 200, "url.scheme": "http" };
    expect(await measured.counts("http.server.request.duration")).toEqual([[1, attributes]]);
    expect(telemetry.spans()).toEqual([]);
    await measured.provider.shutdown();
  });
});

describe("the handler", () => {
  test("gets all its arguments, as many as there were, and its this", () => {
    const seen: unknown[] = [];
    const traced = traceRequests(function (this: unknown, ...args: [Request, ...unknown[]]) {
      seen.push([this, ...args]);
      return new Response();
    });
    const [self, first, env, ctx] = [{}, request(), { KEY: 1 }, { waitUntil: quiet }];
    traced.call(self, first, env, ctx, 3);
    traced.call(self, first);
    expect(seen).toEqual([
      [self, first, env, ctx, 3],
      [self, first],
    ]);
    expect((seen[0] as unknown[])[1]).toBe(first);
    expect(traced.length).toBe(2);
  });

  test("returns at once where it does so, the very same response", async () => {
    class Own extends Response {}
    const response = new Own("own");
    expect(traceRequests(() => response)(request())).toBe(response);
    await telemetry.ended(1);
  });

  test("returns a promise where it does so, of the very same response", async () => {
    const response = Response.json({});
    const result = traceRequests(async () => response)(request());
    expect(result).toBeInstanceOf(Promise);
    expect(telemetry.own()).toEqual([]);
    expect(await result).toBe(response);
    expect(await onlySpan()).toEqual(expected("/"));
  });

  test("returns a thenable: its response is waited for", async () => {
    const response = new Response("x", { status: 201 });
    // oxlint-disable-next-line unicorn/no-thenable -- a promise of somebody's own
    const thenable = { then: (resolve: (value: Response) => void) => void setTimeout(resolve, 5, response) };
    expect(await traceRequests(() => thenable as unknown as Promise<Response>)(request())).toBe(response);
    expect(await onlySpan()).toEqual(expected("/", { "http.response.status_code": 201 }));
  });

  test.each<[string, () => unknown]>([
    ["nothing, as Bun's do for a WebSocket", () => undefined],
    ["null", () => null],
    ["a text", () => "text"],
    ["the error response", () => Response.error()],
    ["an object", () => ({ ok: true })],
  ])("returns %s: it is handed on, and no status is told", async (_, handler) => {
    expect(traceRequests(handler as () => Response)(request())).toEqual(handler());
    expect(await traceRequests((async () => handler()) as () => Promise<Response>)(request())).toEqual(handler());
    for (const span of await telemetry.ended(2)) {
      const { "http.response.status_code": _status, ...attributes } = expected("/").attributes;
      expect(shapeOf(span)).toEqual({ ...expected("/"), attributes });
    }
  });

  test.each<[string, () => never | Promise<never>]>([
    ["throws", thrower],
    ["rejects", async () => thrower()],
  ])("%s: the same error reaches the caller, and the span", async (_, handler) => {
    const traced = traceRequests(async () => handler());
    await expect(traced(request())).rejects.toThrow("not mine");
    expect(() => traceRequests(thrower)(request())).toThrow("not mine");
    for (const span of await telemetry.ended(2)) {
      const { "http.response.status_code": _status, ...attributes } = expected("/", { "error.type": "Error" }).attributes;
      expect(shapeOf(span)).toEqual({ ...expected("/"), attributes, status: SpanStatusCode.ERROR, events: ["exception"] });
    }
  });

  test.each<[string, RequestInit, SpanStatusCode]>([
    ["the client's going, which is no error", { signal: AbortSignal.abort() }, SpanStatusCode.UNSET],
    ["an abort of its own, which is one", {}, SpanStatusCode.ERROR],
  ])("rejects for %s", async (_, init, status) => {
    const handler = traceRequests(async () => {
      throw new DOMException("gone", "AbortError");
    });
    await expect(handler(request("/", init))).rejects.toThrow("gone");
    expect((await onlySpan()).status).toBe(status);
  });

  test.each([200, 404, 499, 500, 503])("answers %i: an error from 500 on", async (status) => {
    traceRequests(() => new Response("x", { status }))(request());
    const failure = status < 500 ? {} : { "error.type": String(status) };
    const shaped = status < 500 ? {} : { status: SpanStatusCode.ERROR };
    expect(await onlySpan()).toEqual(expected("/", { "http.response.status_code": status, ...failure }, shaped));
  });

  test("has the caller's context in all that it awaits and leaves behind (ctx.waitUntil)", async () => {
    const seen: unknown[] = [];
    const background: Promise<unknown>[] = [];
    const ctx = { waitUntil: (promise: Promise<unknown>): void => void background.push(promise) };
    const later = async (): Promise<void> => {
      await sleep(5);
      seen.push([activeTrace(), propagation.getActiveBaggage()?.getEntry("who")?.value]);
    };
    const traced = traceRequests(async (_: Request, _env: object, { waitUntil }: typeof ctx) => {
      waitUntil(later());
      await later();
      return new Response();
    });
    await traced(request(), {}, ctx);
    await Promise.all(background);
    expect(seen).toEqual([
      [TRACE_ID, "alice"],
      [TRACE_ID, "alice"],
    ]);
    await telemetry.ended(1);
  });

  test("does not inherit the context that its server was made in", async () => {
    const traced = traceRequests(ok);
    const outer = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ outer: { value: "1" } }));
    let baggage: unknown = "none";
    await trace.getTracer("app").startActiveSpan("outer", async (span) => {
      traced(request("/", { headers: {} }));
      context.with(outer, () =>
        traceRequests(() => {
          baggage = propagation.getActiveBaggage();
          return new Response();
        })(request("/", { headers: {} })),
      );
      span.end();
    });
    const spans = await telemetry.ended(2);
    expect(spans.map((span) => span.parentSpanContext)).toEqual([undefined, undefined]);
    expect(baggage).toBeUndefined();
  });
});

test("a handler keeps its types", async () => {
  interface Ctx {
    waitUntil(promise: Promise<unknown>): void;
  }
  type Worker = (request: Request, env: { readonly KEY: string }, ctx: Ctx) => Promise<Response>;
  const worker: Worker = traceRequests(async (received, env, ctx) => {
    ctx.waitUntil(Promise.resolve());
    return new Response(`${received.method} ${env.KEY}`);
  });
  expect(await (await worker(request(), { KEY: "key" }, { waitUntil: quiet })).text()).toBe("GET key");
  expectTypeOf(traceRequests(() => new Response())).toEqualTypeOf<(this: unknown, request: Request) => Response>();
  const bun: (this: object, request: Request, server: object) => Response | undefined = traceRequests(() => undefined);
  expect(bun.call({}, request(), {})).toBeUndefined();
  expectTypeOf(traceRequests(new Hono().fetch)).toExtend<InstanceType<typeof Hono>["fetch"]>();
  // @ts-expect-error -- it answers no Response
  traceRequests(() => "text");
  await telemetry.ended(2);
});

describe("one SERVER span a request", () => {
  test("a handler that is wrapped already is returned as it is", () => {
    const traced = traceRequests(ok);
    expect(traceRequests(traced)).toBe(traced);
  });

  test("a traced handler that another passes the request on to enriches the span", async () => {
    const options: WebOptions = { headersToSpanAttributes: { requestHeaders: ["x-tenant"], responseHeaders: ["x-answer"] } };
    const inner = traceRequests(() => new Response("x", { status: 201, headers: { "x-answer": "42" } }), options);
    const outer = traceRequests((outside) => inner(new Request("http://inner.example/", outside)));
    outer(request("/", { headers: { ...HEADERS, "x-tenant": "a" } }));
    expect(telemetry.started()).toBe(1);
    expect(await onlySpan()).toEqual(
      expected("/", {
        "http.response.status_code": 201,
        "http.request.header.x-tenant": ["a"],
        "http.response.header.x-answer": ["42"],
      }),
    );
  });

  test("a request that a handler sends to another handler of the process is one of its own", async () => {
    const callee = traceRequests(ok);
    const send = wrapFetch((async (input: string, init: RequestInit) => callee(new Request(input, init))) as typeof fetch);
    const caller = traceRequests(async () => new Response(await (await send("http://callee.example/rpc")).text()));
    expect(await (await caller(request("/caller"))).text()).toBe(TRACE_ID);
    const [inner, client, outer] = await telemetry.ended(3);
    expect([inner, client, outer].map((span) => [span?.kind, span?.attributes["url.path"]])).toEqual([
      [SpanKind.SERVER, "/rpc"],
      [SpanKind.CLIENT, undefined],
      [SpanKind.SERVER, "/caller"],
    ]);
    expect(inner?.parentSpanContext?.spanId).toBe(client?.spanContext().spanId);
    expect(client?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  });
});
