import { SpanKind, SpanStatusCode, metrics, trace } from "@opentelemetry/api";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import type { FetchOptions } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void;
let endGated: () => void;
beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/headers": (_, response) =>
      void response.writeHead(200, { "x-answer": "a", "set-cookie": ["s=1", "t=2"], "x-list": ["1", "2"] }).end("ok"),
    "/hints": (_, response) => response.writeEarlyHints({ link: "</a.css>; rel=preload" }, () => response.writeHead(201).end("ok")),
    "/gated": (_, response) => {
      response.writeHead(200).flushHeaders();
      endGated = () => response.end("late");
    },
  });
});
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  undo();
  vi.unstubAllEnvs();
  await telemetry.stop();
});

function instrument(options: FetchOptions = {}): void {
  undo = instrumentFetch(options);
}

/** The span of a request that the test server answered. */
function expected(method: string, path: string, status: number, more: SpanShape["attributes"] = {}): SpanShape {
  return {
    name: method,
    kind: SpanKind.CLIENT,
    status: status >= 400 ? SpanStatusCode.ERROR : SpanStatusCode.UNSET,
    attributes: {
      "http.request.method": method,
      "http.response.status_code": status,
      "network.peer.address": "127.0.0.1",
      "network.peer.port": server.port,
      "network.protocol.version": "1.1",
      "server.address": "127.0.0.1",
      "server.port": server.port,
      "url.full": `${server.url}${path}`,
      ...(status >= 400 && { "error.type": String(status) }),
      ...more,
    },
    events: [],
  };
}

async function theSpan(): Promise<SpanShape> {
  const [span] = await telemetry.ended(1);
  return shapeOf(span as never);
}

it("records the request, the server and the response", async () => {
  instrument();
  await (await fetch(`${server.url}/ok?a=1#part`)).text();
  expect(await theSpan()).toEqual(expected("GET", "/ok?a=1#part", 200));
});

it.each([
  ["GET", "/missing", 404],
  ["POST", "/broken", 500],
  ["PUT", "/empty", 204],
  ["DELETE", "/json", 200],
  ["HEAD", "/ok", 200],
])("records %s %s with status %i", async (method, path, status) => {
  instrument();
  await (await fetch(server.url + path, { method })).arrayBuffer();
  expect(await theSpan()).toEqual(expected(method, path, status));
});

it("records the final response and no interim one", async () => {
  instrument();
  await (await fetch(`${server.url}/hints`)).text();
  expect(await theSpan()).toEqual(expected("GET", "/hints", 201));
});

it("uses a tracer with the package's name and version and the schema of the semantic conventions", async () => {
  instrument();
  await (await fetch(`${server.url}/ok`)).text();
  const [span] = await telemetry.ended(1);
  expect(span?.instrumentationScope).toEqual({
    name: "a2a-otel",
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    schemaUrl: expect.stringMatching(/^https:\/\/opentelemetry\.io\/schemas\/1\.\d+\.\d+$/),
  });
});

it("upper-cases the standard methods as fetch does, and not patch", async () => {
  instrument();
  await (await fetch(`${server.url}/ok`, { method: "post" })).text();
  await (await fetch(`${server.url}/ok`, { method: "Patch" })).text();
  const [post, patch] = (await telemetry.ended(2)).map(shapeOf);
  expect(post).toEqual(expected("POST", "/ok", 200));
  expect(patch?.name).toBe("HTTP");
  expect(patch?.attributes).toMatchObject({ "http.request.method": "_OTHER", "http.request.method_original": "Patch" });
});

it("records an unknown method as _OTHER and names the span HTTP", async () => {
  instrument({ urlTemplate: () => "/tasks/{id}" });
  await (await fetch(`${server.url}/ok`, { method: "PURGE" })).text();
  const span = await theSpan();
  expect(span.name).toBe("HTTP /tasks/{id}");
  expect(span.attributes).toMatchObject({
    "http.request.method": "_OTHER",
    "http.request.method_original": "PURGE",
    "url.template": "/tasks/{id}",
  });
});

it("replaces the list of methods by knownMethods, else by OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", async () => {
  vi.stubEnv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "PROPFIND, GET");
  instrument();
  await (await fetch(`${server.url}/ok`, { method: "PROPFIND" })).text();
  await (await fetch(`${server.url}/ok`, { method: "PUT" })).text();
  undo();
  instrument({ knownMethods: ["PUT"] });
  await (await fetch(`${server.url}/ok`, { method: "PUT" })).text();
  await (await fetch(`${server.url}/ok`)).text();
  const methods = (await telemetry.ended(4)).map((span) => span.attributes["http.request.method"]);
  expect(methods).toEqual(["PROPFIND", "_OTHER", "PUT", "_OTHER"]);
});

it("redacts user info and the values of signature parameters in url.full", async () => {
  instrument();
  // Fetch refuses URLs with user info, but the span must not contain the secret either.
  await fetch(`${server.url.replace("//", "//user:secret@")}/ok`).catch(() => {});
  await (await fetch(`${server.url}/ok?sig=secret&a=%20b&X-Amz-Signature=secret&SIG=kept&Signature=#end`)).text();
  const urls = (await telemetry.ended(2)).map((span) => span.attributes["url.full"]);
  expect(urls).toEqual([
    `${server.url.replace("//", "//REDACTED:REDACTED@")}/ok`,
    `${server.url}/ok?sig=REDACTED&a=%20b&X-Amz-Signature=REDACTED&SIG=kept&Signature=REDACTED#end`,
  ]);
  expect(JSON.stringify(telemetry.own().map(shapeOf))).not.toContain("secret");
  expect(JSON.stringify(telemetry.own().flatMap(({ events }) => events))).not.toContain("secret");
});

it("replaces the list of redacted parameters by sensitiveQueryParameters", async () => {
  instrument({ sensitiveQueryParameters: ["key"] });
  await (await fetch(`${server.url}/ok?key=secret&sig=shown`)).text();
  expect((await theSpan()).attributes["url.full"]).toBe(`${server.url}/ok?key=REDACTED&sig=shown`);
});

it("records the requested headers, and redacts credentials", async () => {
  const names = ["X-Question", "Authorization", "cookie", "x-absent"];
  instrument({
    headersToSpanAttributes: { requestHeaders: names, responseHeaders: ["X-Answer", "Set-Cookie", "x-list", "x-absent"] },
  });
  const headers = { "x-QUESTION": "q", authorization: "Bearer secret", cookie: "a=secret" };
  await (await fetch(`${server.url}/headers`, { headers })).text();
  expect(await theSpan()).toEqual(
    expected("GET", "/headers", 200, {
      "http.request.header.authorization": ["REDACTED"],
      "http.request.header.cookie": ["REDACTED"],
      "http.request.header.x-question": ["q"],
      "http.response.header.set-cookie": ["REDACTED"],
      "http.response.header.x-answer": ["a"],
      "http.response.header.x-list": ["1,2"],
    }),
  );
});

it("records an IPv6 host without brackets and default ports", async () => {
  instrument();
  await fetch("http://[::1]:1/").catch(() => {});
  await fetch("http://localhost.invalid/", { signal: AbortSignal.abort() }).catch(() => {});
  await fetch("https://localhost.invalid/", { signal: AbortSignal.abort() }).catch(() => {});
  const attributes = (await telemetry.ended(3)).map((span) => span.attributes);
  expect(attributes).toMatchObject([
    { "server.address": "::1", "server.port": 1 },
    { "server.address": "localhost.invalid", "server.port": 80 },
    { "server.address": "localhost.invalid", "server.port": 443 },
  ]);
});

it("ends the span with the last byte of the response, or with the headers if endSpanOn says so", async () => {
  instrument();
  const whole = await fetch(`${server.url}/gated`);
  const reading = whole.text();
  expect(telemetry.own()).toEqual([]);
  endGated();
  expect(await reading).toBe("late");
  await telemetry.ended(1);
  undo();
  instrument({ endSpanOn: "headers" });
  const response = await fetch(`${server.url}/gated`);
  await telemetry.ended(2);
  endGated();
  expect(await response.text()).toBe("late");
});

it("records a child of the active span and sends its traceparent", async () => {
  instrument();
  await inSpan("work", async () => (await fetch(`${server.url}/ok`)).text());
  const [span] = await telemetry.ended(1);
  const work = telemetry.spans().find(({ name }) => name === "work");
  expect(span?.parentSpanContext?.spanId).toBe(work?.spanContext().spanId);
  expect(server.values("traceparent")).toEqual([traceparentOf(span as never)]);
});

it("uses the tracerProvider option instead of the global one, and an SDK that is registered later", async () => {
  await telemetry.stop();
  instrument();
  await (await fetch(`${server.url}/ok`)).text();
  expect(server.values("traceparent")).toEqual([]);
  telemetry = startTelemetry();
  await (await fetch(`${server.url}/ok`)).text();
  await telemetry.ended(1);
  const given = trace.getTracerProvider();
  await telemetry.stop();
  telemetry = startTelemetry();
  undo();
  instrument({ tracerProvider: given, meterProvider: new MeterProvider() });
  await (await fetch(`${server.url}/ok`)).text();
  expect(telemetry.own()).toEqual([]);
  expect(metrics.getMeterProvider()).not.toBeInstanceOf(MeterProvider);
});
