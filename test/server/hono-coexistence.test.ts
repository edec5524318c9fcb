import { createRequire } from "node:module";
import { getRequestListener } from "@hono/node-server";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceRequests as traceListener } from "../../src/server/node.ts";
import { traceMiddleware, traceRequests } from "../../src/server/web.ts";
import { listen } from "../support/server.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, getAttributes, send } from "./client.ts";
import { serveWeb } from "./web.ts";
import type { WebServer } from "./web.ts";

type Fetch = Parameters<typeof serveWeb>[0];

let telemetry: TestTelemetry;
let server: WebServer;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.settled();
  await telemetry.stop();
  vi.restoreAllMocks();
});

const HEADERS = { traceparent: TRACEPARENT, "x-tenant": "a" };
const OPTIONS = { headersToSpanAttributes: { requestHeaders: ["x-tenant"], responseHeaders: ["x-answer"] } };
const span = (path: string, more: object = {}, attributes: object = {}): object => ({
  name: "GET",
  kind: SpanKind.SERVER,
  status: SpanStatusCode.UNSET,
  attributes: getAttributes(server.port, path, attributes as never),
  events: [],
  ...more,
});
describe("nested instrumentation", () => {
  const instrumentation = new HttpInstrumentation({ enabled: false });
  const answer = (app: Hono): Hono =>
    app.get("/items/:id", (c) => {
      trace.getActiveSpan()?.setAttribute("by.handler", true);
      return c.text("ok", 200, { "x-answer": "42" });
    });
  const app = (options = OPTIONS): Hono => answer(new Hono().use(traceMiddleware(options)));
  const KNOWN = {
    "http.route": "/items/:id",
    "http.request.header.x-tenant": ["a"],
    "http.response.header.x-answer": ["42"],
    "by.handler": true,
  };

  it.each<[string, () => Promise<WebServer>]>([
    ["the middleware inside a wrapped handler", () => serveWeb(traceRequests(app().fetch))],
    ["the middleware twice", () => serveWeb(answer(new Hono().use(traceMiddleware(), traceMiddleware(OPTIONS))).fetch)],
    ["a wrapped handler inside a wrapped handler", () => serveWeb(traceRequests((...args) => traceRequests(app().fetch)(...args)))],
    [
      "a wrapped handler with the middleware inside a wrapped listener",
      () => listen(traceListener(getRequestListener(traceRequests(app().fetch)))),
    ],
    ["the middleware inside a wrapped listener", () => listen(traceListener(getRequestListener(app().fetch)))],
  ])("records one SERVER span: %s", async (_, serve) => {
    server = await serve();
    await send(`${server.url}/items/1`, { headers: HEADERS });
    const [ended] = await telemetry.ended(1);
    expect(telemetry.started()).toBe(1);
    expect(ended?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(ended && shapeOf(ended)).toEqual(span("/items/1", { name: "GET /items/:id" }, KNOWN));
  });

  it.each<[string, () => Fetch]>([
    ["the middleware", () => app().fetch],
    ["a wrapped handler", () => traceRequests(app().fetch)],
  ])("enriches the SERVER span of instrumentation-http: %s", async (_, make) => {
    instrumentation.setTracerProvider(trace.getTracerProvider());
    instrumentation.enable();
    createRequire(import.meta.url)("node:http"); // so that it is patched
    server = await serveWeb(make());
    await send(`${server.url}/items/1`, { headers: HEADERS });
    await until(() => telemetry.spans().some(({ kind }) => kind === SpanKind.SERVER));
    instrumentation.disable();
    expect(telemetry.own()).toEqual([]);
    const spans = telemetry.spans().filter(({ kind }) => kind === SpanKind.SERVER);
    expect(spans.map(({ name }) => name)).toEqual(["GET /items/:id"]);
    expect(spans[0]?.attributes).toMatchObject({ ...KNOWN, "http.response.status_code": 200 });
  });
});
