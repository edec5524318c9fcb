import { SpanKind, SpanStatusCode, metrics, trace } from "@opentelemetry/api";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import type { FetchOptions } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf, until } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void;
beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/headers": (_, response) =>
      void response.writeHead(200, { "x-answer": "a", "set-cookie": ["s=1", "t=2"], "x-list": ["1", "2"] }).end("ok"),
    "/hints": (_, response) => response.writeEarlyHints({ link: "</a.css>; rel=preload" }, () => response.writeHead(201).end("ok")),
    "/slow": (_, response) => {
      response.writeHead(200).flushHeaders();
      setTimeout(() => response.end("late"), 120);
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

/** What the span of a request to the test server that went well says. */
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

test("a span says what was asked of whom, and what came back", async () => {
  instrument();
  await (await fetch(`${server.url}/ok?a=1#part`)).text();
  expect(await theSpan()).toEqual(expected("GET", "/ok?a=1#part", 200));
});

test.each([
  ["GET", "/missing", 404],
  ["POST", "/broken", 500],
  ["PUT", "/empty", 204],
  ["DELETE", "/json", 200],
  ["HEAD", "/ok", 200],
])("%s %s that is answered with %i", async (method, path, status) => {
  instrument();
  await (await fetch(server.url + path, { method })).arrayBuffer();
  expect(await theSpan()).toEqual(expected(method, path, status));
});

test("interim responses are not the response", async () => {
  instrument();
  await (await fetch(`${server.url}/hints`)).text();
  expect(await theSpan()).toEqual(expected("GET", "/hints", 201));
});

test("the tracer has the package's name, version and the conventions' schema", async () => {
  instrument();
  await (await fetch(`${server.url}/ok`)).text();
  const [span] = await telemetry.ended(1);
  expect(span?.instrumentationScope).toEqual({
    name: "a2a-otel",
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    schemaUrl: expect.stringMatching(/^https:\/\/opentelemetry\.io\/schemas\/1\.\d+\.\d+$/),
  });
});

test("the standard methods are upper-cased as fetch does it; patch is not", async () => {
  instrument();
  await (await fetch(`${server.url}/ok`, { method: "post" })).text();
  await (await fetch(`${server.url}/ok`, { method: "Patch" })).text();
  const [post, patch] = (await telemetry.ended(2)).map(shapeOf);
  expect(post).toEqual(expected("POST", "/ok", 200));
  expect(patch?.name).toBe("HTTP");
  expect(patch?.attributes).toMatchObject({ "http.request.method": "_OTHER", "http.request.method_original": "Patch" });
});

test("a method that is not known is _OTHER, and the span is named HTTP", async () => {
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

test("knownMethods, and before it OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS, replace the list as a whole", async () => {
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

test("url.full carries neither user info nor the values of signing parameters", async () => {
  instrument();
  // Fetch refuses URLs with user info, but the span must not tell the secret either.
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

test("sensitiveQueryParameters replaces the list as a whole", async () => {
  instrument({ sensitiveQueryParameters: ["key"] });
  await (await fetch(`${server.url}/ok?key=secret&sig=shown`)).text();
  expect((await theSpan()).attributes["url.full"]).toBe(`${server.url}/ok?key=REDACTED&sig=shown`);
});

test("headers are recorded when asked for, credentials never", async () => {
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

test("an IPv6 host has no brackets, and a default port is said", async () => {
  instrument();
  await fetch("http://[::1]:1/").catch(() => {});
  await fetch("http://localhost.invalid/", { signal: AbortSignal.abort() }).catch(() => {});
  await fetch("https://localhost.invalid/", { signal: AbortSignal.abort() }).catch(() => {});
  const addresses = (await telemetry.ended(3)).map(({ attributes }) => [attributes["server.address"], attributes["server.port"]]);
  expect(addresses).toEqual([
    ["::1", 1],
    ["localhost.invalid", 80],
    ["localhost.invalid", 443],
  ]);
});

test("a span lasts until the last byte of the response, or with endSpanOn headers until those", async () => {
  instrument();
  await (await fetch(`${server.url}/slow`)).text();
  undo();
  instrument({ endSpanOn: "headers" });
  const response = await fetch(`${server.url}/slow`);
  await until(() => telemetry.own().length === 2);
  expect(await response.text()).toBe("late");
  const [whole, headers] = (await telemetry.ended(2)).map(({ duration }) => duration[0] * 1000 + duration[1] / 1e6);
  expect(whole).toBeGreaterThan(100);
  expect(headers).toBeLessThan(100);
});

test("the span is the child of the active one, and its traceparent is what the server sees", async () => {
  instrument();
  await inSpan("work", async () => (await fetch(`${server.url}/ok`)).text());
  const [span] = await telemetry.ended(1);
  const work = telemetry.spans().find(({ name }) => name === "work");
  expect(span?.parentSpanContext?.spanId).toBe(work?.spanContext().spanId);
  expect(server.values("traceparent")).toEqual([traceparentOf(span as never)]);
});

test("tracerProvider takes the place of the global one; an SDK that comes later is found", async () => {
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
