import type { RequestListener } from "node:http";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../../src/server/node.ts";
import type { NodeServerOptions } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send, sendRaw } from "./client.ts";

let telemetry: TestTelemetry;
let server: TestServer;
const OK: RequestListener = (_, response) => void response.end("ok");

beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

async function start(listener: RequestListener = OK, options?: NodeServerOptions): Promise<void> {
  server = await listen(traceRequests(listener, options));
}

async function onlySpan(): Promise<SpanShape> {
  const [span] = await telemetry.ended(1);
  if (span === undefined) throw new Error("no span");
  return shapeOf(span);
}

async function attributesOf(sent: Promise<unknown>): Promise<SpanShape["attributes"]> {
  await sent;
  return (await onlySpan()).attributes;
}

const raw = (target: string): Promise<string> =>
  sendRaw(server.port, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: close\r\n\r\n`);

describe("a SERVER span", () => {
  it("records a GET with its query and user agent", async () => {
    await start();
    await send(`${server.url}/rpc/v1?a=1&b=2`, { headers: { "user-agent": "agent/1.0" } });
    expect(await onlySpan()).toEqual({
      name: "GET",
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: getAttributes(server.port, "/rpc/v1", { "url.query": "a=1&b=2", "user_agent.original": "agent/1.0" }),
      events: [],
    });
  });

  it.each([
    [200, SpanStatusCode.UNSET],
    [302, SpanStatusCode.UNSET],
    [404, SpanStatusCode.UNSET],
    [499, SpanStatusCode.UNSET],
    [500, SpanStatusCode.ERROR],
    [503, SpanStatusCode.ERROR],
  ])("has the status of a response with %i, which is an error from 500 on", async (status, code) => {
    await start((_, response) => void response.writeHead(status).end());
    await send(`${server.url}/`);
    expect(await onlySpan()).toEqual({
      name: "GET",
      kind: SpanKind.SERVER,
      status: code,
      attributes: getAttributes(server.port, "/", {
        "http.response.status_code": status,
        ...(status >= 500 && { "error.type": String(status) }),
      }),
      events: [],
    });
  });

  it("is the child of the caller's remote span", async () => {
    await start();
    await send(`${server.url}/`, { headers: { traceparent: TRACEPARENT, tracestate: "vendor=1" } });
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true });
    expect(span?.spanContext().traceState?.serialize()).toBe("vendor=1");
  });

  it("has a scope with the package's name, its version and the schema URL", async () => {
    await start();
    await send(`${server.url}/`);
    const [span] = await telemetry.ended(1);
    expect(span?.instrumentationScope).toMatchObject({
      name: "a2a-otel",
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
      schemaUrl: expect.stringMatching(/^https:\/\/opentelemetry\.io\/schemas\/1\./) as string,
    });
  });
});

describe("http.request.method", () => {
  it("is _OTHER for an unknown method, for which the span's name begins with HTTP", async () => {
    await start();
    await send(`${server.url}/`, { method: "PROPFIND" });
    expect(await onlySpan()).toMatchObject({
      name: "HTTP",
      attributes: { "http.request.method": "_OTHER", "http.request.method_original": "PROPFIND" },
    });
  });

  it("is taken from knownMethods instead of the default list", async () => {
    await start(OK, { knownMethods: ["PROPFIND"] });
    await send(`${server.url}/`, { method: "PROPFIND" });
    await send(`${server.url}/`, { method: "GET" });
    const spans = await telemetry.ended(2);
    expect(spans.map((span) => [span.name, span.attributes["http.request.method"]])).toEqual([
      ["PROPFIND", "PROPFIND"],
      ["HTTP", "_OTHER"],
    ]);
    expect(spans[0]?.attributes).not.toHaveProperty("http.request.method_original");
  });
});

describe("url.query", () => {
  const QUERY = "X-Amz-Signature=abc&a=%20b'\"&sig=1&Sig=2&sig2=3&AWSAccessKeyId=x%3Dy&sig=";
  const REDACTED = "X-Amz-Signature=REDACTED&a=%20b'\"&sig=REDACTED&Sig=2&sig2=3&AWSAccessKeyId=REDACTED&sig=REDACTED";

  it("has the values of sensitive keys redacted and all other bytes unchanged", async () => {
    await start();
    expect(await attributesOf(raw(`/p?${QUERY}`))).toEqual(getAttributes(server.port, "/p", { "url.query": REDACTED }));
  });

  it("is redacted in a target in absolute form", async () => {
    await start();
    const target = `http://127.0.0.1:${server.port}/p%20/./q?${QUERY}`;
    expect(await attributesOf(raw(target))).toEqual(getAttributes(server.port, "/p%20/./q", { "url.query": REDACTED }));
  });

  it("is split from a target in absolute form without a path, whose path is /", async () => {
    await start();
    expect(await attributesOf(raw("http://127.0.0.1?sig=1"))).toMatchObject({ "url.path": "/", "url.query": "sig=REDACTED" });
  });

  it("is split from a target whose path and query contain URLs", async () => {
    await start();
    expect(await attributesOf(raw("//proxy/http://x/?u=http://user:pass@y/?z"))).toMatchObject({
      "url.path": "//proxy/http://x/",
      "url.query": "u=http://user:pass@y/?z",
    });
  });

  it("is redacted by sensitiveQueryParameters instead of the default list", async () => {
    await start(OK, { sensitiveQueryParameters: ["token", "a.b"] });
    expect((await attributesOf(raw("/?token=1&sig=2&a.b=3&axb=4")))["url.query"]).toBe("token=REDACTED&sig=2&a.b=REDACTED&axb=4");
  });

  it("is absent for OPTIONS *, whose path is *", async () => {
    await start();
    await sendRaw(server.port, "OPTIONS * HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    expect(await onlySpan()).toMatchObject({ name: "OPTIONS", attributes: { "url.path": "*" } });
  });
});

describe("server.address and server.port", () => {
  it.each([
    ["agents.example", "agents.example", 80],
    ["agents.example:8080", "agents.example", 8080],
    ["agents.example:80", "agents.example", 80],
    ["agents.example:", "agents.example", 80],
    ["AGENTS.example", "agents.example", 80],
    ["192.0.2.1:3000", "192.0.2.1", 3000],
    ["[2001:db8::1]:3000", "2001:db8::1", 3000],
    ["[::1]", "::1", 80],
  ])("are read from the Host header %s", async (host, address, port) => {
    await start();
    const attributes = await attributesOf(sendRaw(server.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
    expect(attributes).toEqual(getAttributes(server.port, "/", { "server.address": address, "server.port": port }));
  });

  it.each([
    ["there is none, as HTTP/1.0 allows", "GET / HTTP/1.0\r\n\r\n"],
    ["it is empty", "GET / HTTP/1.0\r\nHost:\r\n\r\n"],
    ["it is not a host", "GET / HTTP/1.0\r\nHost: a b:99999\r\n\r\n"],
    ["its port is invalid", "GET / HTTP/1.0\r\nHost: a.example:99999\r\n\r\n"],
  ])("are absent for a Host header if %s", async (_, text) => {
    await start();
    const attributes = await attributesOf(sendRaw(server.port, text));
    expect(attributes).not.toHaveProperty("server.address");
    expect(attributes).not.toHaveProperty("server.port");
    expect(attributes["network.protocol.version"]).toBe("1.0");
  });
});

describe("headersToSpanAttributes", () => {
  it("records the named headers in lower case, and credentials as REDACTED", async () => {
    await start((_, response) => void response.setHeader("X-Answer", ["1", "2"]).setHeader("Set-Cookie", "secret").end(), {
      headersToSpanAttributes: {
        requestHeaders: ["X-Tenant", "Authorization", "cookie", "x-api-key", "x-absent"],
        responseHeaders: ["x-answer", "set-cookie", "x-absent"],
      },
    });
    await send(`${server.url}/`, {
      headers: { "X-TENANT": ["a", "b"], authorization: "Bearer s3", cookie: "s3", "X-Api-Key": "s3", "x-other": "no" },
    });
    expect((await onlySpan()).attributes).toEqual(
      getAttributes(server.port, "/", {
        "http.request.header.x-tenant": ["a, b"],
        "http.request.header.authorization": ["REDACTED"],
        "http.request.header.cookie": ["REDACTED"],
        "http.request.header.x-api-key": ["REDACTED"],
        "http.response.header.x-answer": ["1,2"],
        "http.response.header.set-cookie": ["REDACTED"],
      }),
    );
  });

  it("records response headers that are passed to writeHead", async () => {
    await start((_, response) => void response.writeHead(200, { "X-Answer": "42" }).end(), {
      headersToSpanAttributes: { responseHeaders: ["x-answer"] },
    });
    await send(`${server.url}/`);
    expect((await onlySpan()).attributes).toMatchObject({ "http.response.header.x-answer": ["42"] });
  });
});
