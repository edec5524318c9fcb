import { setTimeout as sleep } from "node:timers/promises";
import { DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, context, diag, propagation, trace } from "@opentelemetry/api";
import type { Attributes } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
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

/** The whole span of a GET with a response. */
const expected = (path: string, more: Attributes = {}, shaped: Partial<SpanShape> = {}): SpanShape =>
  webSpan({ "server.port": 8080, "url.path": path, ...more }, shaped);
const onlySpan = async (): Promise<SpanShape> => shapeOf((await telemetry.ended(1))[0] as never);

describe("a request", () => {
  it("gets a SERVER span that continues its caller's trace", async () => {
    expect(await traceRequests(ok)(request("/rpc")).text()).toBe(TRACE_ID);
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(expected("/rpc"));
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true });
    expect(span?.spanContext().traceState?.serialize()).toBe("vendor=1");
  });

  it("starts a new trace if its traceparent is invalid", async () => {
    traceRequests(ok)(request("/", { headers: { traceparent: `${TRACEPARENT}-extra`, tracestate: "vendor=1" } }));
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.spanContext().traceId).not.toBe(TRACE_ID);
  });

  it.each<[string, Attributes]>([
    ["https://agents.example", { "url.scheme": "https", "server.port": 443 }],
    ["http://agents.example/?a=1&sig=2#part", { "url.query": "a=1&sig=REDACTED", "server.port": 80 }],
    ["http://[2001:db8::1]:3000/", { "server.address": "2001:db8::1", "server.port": 3000 }],
    ["http://agents.example?u=http://user:pass@y/?z", { "url.query": "u=http://user:pass@y/?z", "server.port": 80 }],
  ])("has the attributes of its URL %s", async (url, attributes) => {
    traceRequests(ok)(new Request(url));
    expect(await onlySpan()).toEqual(expected("/", attributes));
  });

  it("has the method _OTHER if its method is unknown", async () => {
    traceRequests(ok)(request("/", { method: "PROPFIND" }));
    const method = { "http.request.method": "_OTHER", "http.request.method_original": "PROPFIND" };
    expect(await onlySpan()).toEqual(expected("/", method, { name: "HTTP" }));
  });

  it("has a client address only with trustProxy", async () => {
    const headers = { forwarded: "for=192.0.2.60" };
    traceRequests(ok)(request("/", { headers }));
    traceRequests(ok, { trustProxy: true })(request("/", { headers }));
    const spans = await telemetry.ended(2);
    expect(spans.map((span) => span.attributes["client.address"])).toEqual([undefined, "192.0.2.60"]);
  });

  it("has the protocol version between the client and Cloudflare", async () => {
    traceRequests(ok)(Object.assign(request(), { cf: { httpProtocol: "HTTP/3" } }));
    expect(await onlySpan()).toEqual(expected("/", { "network.protocol.version": "3" }));
  });

  it("is counted in http.server.request.duration, also if it is not sampled", async () => {
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
  it("receives all its arguments and its this", () => {
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

  it("returns synchronously, with the same response object", async () => {
    class Own extends Response {}
    const response = new Own("own");
    expect(traceRequests(() => response)(request())).toBe(response);
    await telemetry.ended(1);
  });

  it("returns a promise of the same response object", async () => {
    const response = Response.json({});
    const result = traceRequests(async () => response)(request());
    expect(result).toBeInstanceOf(Promise);
    expect(telemetry.own()).toEqual([]);
    expect(await result).toBe(response);
    expect(await onlySpan()).toEqual(expected("/"));
  });

  it("returns a thenable, which is awaited", async () => {
    const response = new Response("x", { status: 201 });
    // oxlint-disable-next-line unicorn/no-thenable -- a promise that is not of the platform
    const thenable = { then: (resolve: (value: Response) => void) => void setTimeout(resolve, 5, response) };
    expect(await traceRequests(() => thenable as unknown as Promise<Response>)(request())).toBe(response);
    expect(await onlySpan()).toEqual(expected("/", { "http.response.status_code": 201 }));
  });

  it.each<[string, () => unknown]>([
    ["nothing, as with Bun for a WebSocket", () => undefined],
    ["null", () => null],
    ["a text", () => "text"],
    ["the error response", () => Response.error()],
    ["an object", () => ({ ok: true })],
  ])("returns %s, which is passed on, and no status is recorded", async (_, handler) => {
    expect(traceRequests(handler as () => Response)(request())).toEqual(handler());
    expect(await traceRequests((async () => handler()) as () => Promise<Response>)(request())).toEqual(handler());
    for (const span of await telemetry.ended(2)) {
      const { "http.response.status_code": _status, ...attributes } = expected("/").attributes;
      expect(shapeOf(span)).toEqual({ ...expected("/"), attributes });
    }
  });

  it.each<[string, () => never | Promise<never>]>([
    ["throws", thrower],
    ["rejects", async () => thrower()],
  ])("%s, and the same error is passed on and recorded", async (_, handler) => {
    const traced = traceRequests(async () => handler());
    await expect(traced(request())).rejects.toThrow("not mine");
    expect(() => traceRequests(thrower)(request())).toThrow("not mine");
    for (const span of await telemetry.ended(2)) {
      const { "http.response.status_code": _status, ...attributes } = expected("/", { "error.type": "Error" }).attributes;
      expect(shapeOf(span)).toEqual({ ...expected("/"), attributes, status: SpanStatusCode.ERROR, events: ["exception"] });
    }
  });

  it.each<[string, RequestInit, SpanStatusCode]>([
    ["the client's abort, which is not an error", { signal: AbortSignal.abort() }, SpanStatusCode.UNSET],
    ["an abort of its own, which is an error", {}, SpanStatusCode.ERROR],
  ])("rejects because of %s", async (_, init, status) => {
    const handler = traceRequests(async () => {
      throw new DOMException("gone", "AbortError");
    });
    await expect(handler(request("/", init))).rejects.toThrow("gone");
    expect((await onlySpan()).status).toBe(status);
  });

  it.each([200, 404, 499, 500, 503])("responds with %i, which is an error from 500 on", async (status) => {
    traceRequests(() => new Response("x", { status }))(request());
    const failure = status < 500 ? {} : { "error.type": String(status) };
    const shaped = status < 500 ? {} : { status: SpanStatusCode.ERROR };
    expect(await onlySpan()).toEqual(expected("/", { "http.response.status_code": status, ...failure }, shaped));
  });

  it("has the caller's context in everything that it awaits, and in background work (ctx.waitUntil)", async () => {
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

  it("does not inherit the context in which its server was created", async () => {
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

it("keeps the types of a handler", async () => {
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
  // @ts-expect-error -- it does not return a Response
  traceRequests(() => "text");
  await telemetry.ended(2);
});

describe("nested handlers", () => {
  it("are not wrapped again if there are no options", () => {
    const traced = traceRequests(ok);
    expect(traceRequests(traced)).toBe(traced);
  });

  it("enrich the open span if one passes its request on to the other", async () => {
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

  it("have a span each if one sends a new request to the other inside the process", async () => {
    const callee = traceRequests(ok);
    const send = wrapFetch((async (input: string, init: RequestInit) => callee(new Request(input, init))) as typeof fetch);
    const caller = traceRequests(async () => new Response(await (await send("http://callee.example/rpc")).text()));
    expect(await (await caller(request("/caller"))).text()).toBe(TRACE_ID);
    const [inner, client, outer] = await telemetry.ended(3);
    expect(inner && shapeOf(inner)).toMatchObject({ kind: SpanKind.SERVER, attributes: { "url.path": "/rpc" } });
    expect(client?.kind).toBe(SpanKind.CLIENT);
    expect(outer && shapeOf(outer)).toMatchObject({ kind: SpanKind.SERVER, attributes: { "url.path": "/caller" } });
    expect(inner?.parentSpanContext?.spanId).toBe(client?.spanContext().spanId);
    expect(client?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  });
});
