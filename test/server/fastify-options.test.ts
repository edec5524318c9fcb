import { DiagLogLevel, context, diag, propagation, trace } from "@opentelemetry/api";
import type { Span } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceRequests } from "../../src/server/fastify.ts";
import type { FastifyOptions } from "../../src/server/fastify.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send } from "./client.ts";
import { startApp } from "./fastify-app.ts";
import type { TestApp } from "./fastify-app.ts";
import { startMetrics } from "./metrics.ts";

let telemetry: TestTelemetry;
let server: TestApp | undefined;
const heard = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};
beforeEach(() => {
  telemetry = startTelemetry();
  heard.mockReset();
  diag.setLogger({ error: heard, warn: heard, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ALL);
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await telemetry.stop();
});

const HEADERS = { traceparent: TRACEPARENT, baggage: "who=alice,secret=1" };
const thrower = (): never => {
  throw new Error("not mine");
};

/** A route that responds with the active trace and baggage. */
function respondWithActive(app: FastifyInstance): void {
  app.post("/:path", async ({ body }) => ({
    body,
    trace: trace.getSpanContext(context.active())?.traceId,
    baggage: propagation
      .getActiveBaggage()
      ?.getAllEntries()
      .map(([key, { value }]) => `${key}=${value}`),
  }));
}

interface AgentAnswer {
  body: unknown;
  trace?: string;
  baggage?: string[];
}

async function answerWith(options: FastifyOptions, path = "/rpc", headers = {}): Promise<AgentAnswer> {
  server = await startApp(respondWithActive, options);
  return ask(path, headers);
}

async function ask(path: string, headers = {}): Promise<AgentAnswer> {
  const all = { ...HEADERS, "content-type": "application/json", ...headers };
  const { body } = await send(`${server?.url}${path}`, { method: "POST", headers: all, body: '{"a":1}' });
  return JSON.parse(body) as AgentAnswer;
}

const attributes = (more = {}): object =>
  getAttributes(server?.port ?? 0, "/rpc", { "http.request.method": "POST", "http.route": "/:path", ...more });

describe("hooks", () => {
  it("are called once, with fastify's request and reply", async () => {
    const seen: unknown[] = [];
    const handled: unknown[] = [];
    server = await startApp(
      (app) => {
        app.post("/:path", async (request, reply) => {
          handled.push(request, reply);
          return reply.code(201).send("ok");
        });
      },
      {
        requestHook: (span, request) => {
          seen.push(request, request.body, request.routeOptions.url);
          span.setAttribute("by.request", (request.params as { path: string }).path);
        },
        responseHook: (span, { request, response }) => {
          seen.push(request, response);
          span.setAttribute("by.response", response.statusCode);
        },
      },
    );
    await send(`${server.url}/rpc`, { method: "POST", body: "x", headers: { "content-type": "text/plain" } });
    const [span] = await telemetry.ended(1);
    const [request, reply] = handled;
    expect(seen).toEqual([request, undefined, "/:path", request, reply]);
    expect(span && shapeOf(span)).toMatchObject({
      name: "POST /:path",
      attributes: attributes({ "by.request": "rpc", "by.response": 201, "http.response.status_code": 201 }),
    });
  });

  it.each(["requestHook", "responseHook", "ignoreRequestHook", "incoming"] as const)(
    "a %s that throws is only logged",
    async (hook) => {
      const answer = await answerWith({ [hook]: thrower });
      expect(answer.body).toEqual({ a: 1 });
      const [span] = await telemetry.ended(1);
      expect(span && shapeOf(span)).toMatchObject({ name: "POST /:path", attributes: attributes() });
      expect(heard).toHaveBeenCalledTimes(1);
      expect(heard.mock.calls[0]?.join(" ")).toMatch(new RegExp(`${hook} threw.*not mine`));
    },
  );

  it("are not called for a request that is not sampled, whose decision is propagated", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    const hook = vi.fn<() => void>();
    expect(await answerWith({ requestHook: hook, responseHook: hook })).toMatchObject({ trace: TRACE_ID });
    expect(hook).not.toHaveBeenCalled();
    expect(telemetry.spans()).toEqual([]);
  });
});

const UNTRACED = { isTraced: false };

describe("ignoreRequestHook", () => {
  it("leaves the request untraced and unchanged", async () => {
    const ignoreRequestHook: FastifyOptions["ignoreRequestHook"] = ({ url }) => url === "/health";
    expect(await answerWith({ ignoreRequestHook }, "/health")).toEqual({ body: { a: 1 } });
    expect(await ask("/rpc")).toMatchObject({ trace: TRACE_ID });
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["url.path"]).toBe("/rpc");
    expect(telemetry.started()).toBe(1);
  });

  it("can read the configuration of the route, also if the route fails or streams", async () => {
    server = await startApp(
      (app) => {
        app.get("/health", { config: UNTRACED }, async () => "ok");
        app.get("/broken", { config: UNTRACED }, async () => thrower());
        app.get("/stream", { config: UNTRACED }, async () => new Response("ok"));
      },
      { ignoreRequestHook: ({ routeOptions }) => (routeOptions.config as { isTraced?: boolean }).isTraced === false },
    );
    const answers = [send(`${server.url}/health`), send(`${server.url}/broken`), send(`${server.url}/stream`)];
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 500, 200]);
    expect(telemetry.started()).toBe(0);
  });
});

describe("the caller's context", () => {
  it.each<[FastifyOptions, object]>([
    [{ incoming: "parent" }, { parentSpanContext: { spanId: SPAN_ID }, links: [] }],
    [{ incoming: "link" }, { parentSpanContext: undefined, links: [{ context: { spanId: SPAN_ID } }] }],
    [{ incoming: "ignore" }, { parentSpanContext: undefined, links: [] }],
    [{ incoming: ({ routeOptions }) => (routeOptions.url === "/:path" ? "ignore" : "parent") }, { parentSpanContext: undefined }],
  ])("is admitted by %j", async (options, expected) => {
    await answerWith(options);
    const [span] = await telemetry.ended(1);
    expect(span).toMatchObject(expected);
  });

  it.each<[FastifyOptions, string[] | undefined]>([
    [{}, ["who=alice", "secret=1"]],
    [{ acceptBaggage: false }, undefined],
    [{ acceptBaggage: ["who"] }, ["who=alice"]],
  ])("has its baggage admitted by %j", async (options, baggage) => {
    expect((await answerWith(options)).baggage).toEqual(baggage);
  });

  it("is restricted by acceptBaggage for app.inject() too, but not the baggage that is active at the call", async () => {
    server = await startApp(respondWithActive, { acceptBaggage: ["who"] });
    const inside = propagation.setBaggage(context.active(), propagation.createBaggage({ mine: { value: "2" } }));
    const request = { method: "POST", url: "/rpc", payload: {} } as const;
    const { app } = server;
    const baggage = async (headers = {}): Promise<unknown> =>
      (await app.inject({ ...request, headers })).json<AgentAnswer>().baggage;
    expect(await context.with(inside, baggage)).toEqual(["mine=2"]);
    expect(await baggage(HEADERS)).toEqual(["who=alice"]);
  });

  it("is not affected by fastify's trustProxy", async () => {
    const headers = { forwarded: "for=192.0.2.60" };
    const addresses = async (): Promise<unknown> => (await telemetry.ended(1))[0]?.attributes["client.address"];
    server = await startApp(respondWithActive, {}, { trustProxy: true });
    await ask("/rpc", headers);
    expect(await addresses()).toBe("127.0.0.1");
    await server.close();
    telemetry.reset();
    await answerWith({ trustProxy: true }, "/rpc", headers);
    expect(await addresses()).toBe("192.0.2.60");
  });

  it("is recorded with headersToSpanAttributes, as are the headers that fastify writes", async () => {
    const headersToSpanAttributes = {
      requestHeaders: ["X-Tenant", "authorization"],
      responseHeaders: ["content-type", "content-length", "x-absent"],
    };
    await answerWith({ headersToSpanAttributes, acceptBaggage: false, incoming: "ignore" }, "/rpc", {
      "x-tenant": "a",
      authorization: "Bearer s3",
    });
    const [span] = await telemetry.ended(1);
    expect(span?.attributes).toEqual({
      ...attributes({
        "http.request.header.x-tenant": ["a"],
        "http.request.header.authorization": ["REDACTED"],
        "http.response.header.content-type": ["application/json; charset=utf-8"],
        "http.response.header.content-length": [expect.stringMatching(/^\d+$/)],
      }),
    });
  });
});

/** A stream whose reader has only what fastify needs. */
function likeWebStream(): object {
  const chunks = [Buffer.from("ok")];
  const read = async (): Promise<object> => ({ value: chunks[0], done: chunks.shift() === undefined });
  return { getReader: () => ({ read, cancel: async () => {} }) };
}

describe("an error of telemetry does not reach the application", () => {
  const brokenSpan = new Proxy({} as Span, {
    get: (_, key) =>
      key === "spanContext"
        ? () => ({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 })
        : key === "isRecording"
          ? () => true
          : thrower,
  });
  const BROKEN: [string, FastifyOptions][] = [
    ["a propagator", { propagator: { inject: thrower, extract: thrower, fields: () => ["traceparent"] } }],
    ["a TracerProvider", { tracerProvider: { getTracer: thrower } }],
    ["a tracer", { tracerProvider: { getTracer: () => ({ startSpan: thrower, startActiveSpan: thrower }) } }],
    ["a span", { tracerProvider: { getTracer: () => ({ startSpan: () => brokenSpan, startActiveSpan: thrower }) } }],
    ["a MeterProvider", { meterProvider: { getMeter: thrower } }],
  ];

  it.each(BROKEN)("if %s throws", async (_, options) => {
    const answer = await answerWith({ ...options, headersToSpanAttributes: { responseHeaders: ["date"] } });
    expect(answer.body).toEqual({ a: 1 });
    expect(heard.mock.calls.flat().join(" ")).toContain("not mine");
  });

  it.each(BROKEN)("if %s throws, and the handler throws too", async (_, options) => {
    server = await startApp((app) => app.get("/", async () => Promise.reject(new Error("the application's"))), options);
    const { status, body } = await send(server.url);
    expect(status).toBe(500);
    expect(JSON.parse(body)).toMatchObject({ message: "the application's" });
  });

  it.each<[string, () => unknown]>([
    ["is frozen", () => Object.freeze(new Response("ok").body)],
    ["only resembles a web stream", likeWebStream],
  ])("a stream that %s is sent without being followed", async (_, make) => {
    server = await startApp((app) => app.get("/", async () => make()));
    expect((await send(server.url)).body).toBe("ok");
    expect(heard.mock.calls.flat().join(" ")).toContain("following a body threw");
  });

  it("if there is no context manager, and the request still has one span", async () => {
    context.disable();
    server = await startApp((app) => {
      app.register(traceRequests);
      respondWithActive(app);
    });
    expect(await ask("/rpc")).toEqual({ body: { a: 1 } });
    await telemetry.ended(1);
  });
});

it("records http.server.request.duration with the route, with the given meterProvider", async () => {
  const own = startMetrics(false);
  await answerWith({ meterProvider: own.provider });
  expect(await own.counts("http.server.request.duration")).toEqual([
    [
      1,
      {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/:path",
        "network.protocol.version": "1.1",
        "url.scheme": "http",
      },
    ],
  ]);
  await own.provider.shutdown();
});
