import { createRequire } from "node:module";
import type { RequestListener } from "node:http";
import { SpanKind, SpanStatusCode, metrics, trace } from "@opentelemetry/api";
import type { Span } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { Router } from "@koa/router";
import express from "express";
import Koa from "koa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests as middleware } from "../../src/server/express.ts";
import { traceRequests as koaMiddleware } from "../../src/server/koa.ts";
import { traceRequests } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send } from "./client.ts";
import { startMetrics } from "./metrics.ts";
import type { TestMetrics } from "./metrics.ts";

const HEADERS = { traceparent: TRACEPARENT, "x-tenant": "a" };
const OPTIONS = { headersToSpanAttributes: { requestHeaders: ["x-tenant"], responseHeaders: ["x-answer"] } };

const instrumentation = new HttpInstrumentation({ enabled: false });
function instrument(): void {
  instrumentation.setTracerProvider(trace.getTracerProvider());
  instrumentation.enable();
  createRequire(import.meta.url)("node:http"); // so that it is patched
}

let telemetry: TestTelemetry;
let server: TestServer;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

const answer: RequestListener = (_, response) => {
  trace.getActiveSpan()?.setAttribute("by.handler", true);
  response.setHeader("x-answer", "42");
  response.end("ok");
};

function app(): RequestListener {
  const routes = express().use(middleware(OPTIONS));
  routes.get("/items/:id", (request, response) => answer(request, response));
  return routes as RequestListener;
}

function koaApp(): RequestListener {
  const routes = new Router().get("/items/:id", (ctx) => {
    trace.getActiveSpan()?.setAttribute("by.handler", true);
    ctx.set("x-answer", "42");
    ctx.body = "ok";
  });
  return new Koa().use(koaMiddleware(OPTIONS)).use(routes.routes()).callback();
}

describe("nested instrumentation of this package", () => {
  it("returns a listener that is wrapped already as it is if there are no options", async () => {
    const traced = traceRequests(answer);
    expect(traceRequests(traced)).toBe(traced);
    server = await listen(traced);
  });

  it.each<[string, () => RequestListener, object]>([
    ["a listener inside a listener", () => traceRequests((...args) => traceRequests(answer, OPTIONS)(...args)), { name: "GET" }],
    ["express inside a listener", () => traceRequests(app()), { name: "GET /items/:id", route: "/items/:id" }],
    ["Koa inside a listener", () => traceRequests(koaApp()), { name: "GET /items/:id", route: "/items/:id" }],
    [
      "express middleware inside express middleware",
      () => express().use(middleware()).use(app()) as RequestListener,
      { name: "GET /items/:id", route: "/items/:id" },
    ],
  ])("records one span with the attributes of both: %s", async (_, make, { name, route }: { name?: string; route?: string }) => {
    server = await listen(make());
    await send(`${server.url}/items/1`, { headers: HEADERS });
    const [span] = await telemetry.ended(1);
    expect(telemetry.started()).toBe(1);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(span && shapeOf(span)).toEqual({
      name,
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: getAttributes(server.port, "/items/1", {
        ...(route !== undefined && { "http.route": route }),
        "http.request.header.x-tenant": ["a"],
        "http.response.header.x-answer": ["42"],
        "by.handler": true,
      }),
      events: [],
    });
  });

  it("starts a SERVER span in the caller's trace inside a span of the application that is not a SERVER span", async () => {
    server = await listen((request, response) => void inSpan("outer", () => app()(request, response)));
    await send(`${server.url}/items/1`, { headers: HEADERS });
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID });
  });

  describe("nested instrumentation with metrics and no tracer", () => {
    let measured: TestMetrics;
    beforeEach(() => {
      trace.disable();
      measured = startMetrics();
    });
    afterEach(() => metrics.disable());
    it("counts a request once, with its route", async () => {
      server = await listen(traceRequests(app()));
      await send(`${server.url}/items/1`, { headers: HEADERS });
      expect(await measured.counts("http.server.request.duration")).toEqual([
        [1, expect.objectContaining({ "http.route": "/items/:id", "http.response.status_code": 200 })],
      ]);
    });
  });
});

describe("inside instrumentation-http", () => {
  beforeEach(instrument);
  afterEach(() => instrumentation.disable());

  it.each<[string, () => RequestListener, object]>([
    ["a listener", () => traceRequests(answer, OPTIONS), { name: "GET" }],
    ["express middleware", app, { name: "GET /items/:id", route: "/items/:id" }],
    ["Koa middleware", koaApp, { name: "GET /items/:id", route: "/items/:id" }],
    ["express middleware inside a listener", () => traceRequests(app(), OPTIONS), { name: "GET /items/:id", route: "/items/:id" }],
  ])("enriches the SERVER span and starts none: %s", async (_, make, { name, route }: { name?: string; route?: string }) => {
    server = await listen(make());
    await send(`${server.url}/items/1`, { headers: HEADERS });
    await until(() => telemetry.spans().length > 0);
    await telemetry.settled();
    const spans = telemetry.spans().filter((span) => span.kind === SpanKind.SERVER);
    expect(telemetry.own()).toEqual([]);
    expect(spans).toHaveLength(1);
    expect(spans[0]?.spanContext().traceId).toBe(TRACE_ID);
    expect(spans[0]?.name).toBe(name);
    expect(spans[0]?.attributes).toMatchObject({
      ...(route !== undefined && { "http.route": route }),
      "http.request.header.x-tenant": ["a"],
      "http.response.header.x-answer": ["42"],
      "http.response.status_code": 200,
      "by.handler": true,
    });
  });

  it("passes the open SERVER span to the hooks", async () => {
    const seen: Span[] = [];
    const requestHook = (span: Span): void => void seen.push(span);
    server = await listen(traceRequests(answer, { requestHook, responseHook: (span) => span.setAttribute("by.hook", true) }));
    await send(server.url);
    await telemetry.settled();
    const span = telemetry.spans().find(({ kind }) => kind === SpanKind.SERVER);
    expect(seen).toEqual([span]);
    expect(span?.attributes).toMatchObject({ "by.handler": true, "by.hook": true });
  });

  it("starts spans of its own for a server that is created in a handler", async () => {
    let inner: TestServer | undefined;
    server = await listen(async (_, response) => {
      inner = await listen(traceRequests(answer));
      response.end();
    });
    await send(server.url);
    const traceparent = `00-${"c".repeat(32)}-${SPAN_ID}-01`;
    await send(inner?.url ?? "", { headers: { traceparent } });
    await inner?.close();
    await telemetry.settled();
    const ids = telemetry.spans().filter(({ kind }) => kind === SpanKind.SERVER);
    expect(ids.map((span) => span.spanContext().traceId)).toContain("c".repeat(32));
    expect(telemetry.own()).toEqual([]);
  });

  it("keeps the decision not to sample, and starts no span", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    instrumentation.setTracerProvider(trace.getTracerProvider());
    const seen: unknown[] = [];
    server = await listen(
      traceRequests((_, response) => {
        const { traceFlags, traceId } = trace.getActiveSpan()?.spanContext() ?? {};
        seen.push(traceFlags, traceId);
        response.end();
      }),
    );
    await send(server.url, { headers: HEADERS });
    expect(seen).toEqual([0, TRACE_ID]);
    expect(telemetry.spans()).toEqual([]);
  });
});
