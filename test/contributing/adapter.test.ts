import http from "node:http";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { wrapSend } from "./adapter.ts";
import type { Send } from "./adapter.ts";

const send: Send = ({ method, url, headers, signal }) =>
  new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, signal }, async (response) => {
      const { statusCode = 0 } = response;
      const pairs = Object.entries(response.headersDistinct).flatMap(([name, values = []]) => values.map((value) => [name, value]));
      resolve({ status: statusCode, headers: new Headers(pairs as [string, string][]), body: await text(response) });
    });
    request.on("error", reject).end();
  });

describe("the adapter of CONTRIBUTING.md", () => {
  let server: TestServer;
  let telemetry: TestTelemetry;
  beforeAll(async () => {
    server = await serve(ROUTES);
  });
  afterAll(() => server.close());
  beforeEach(() => {
    telemetry = startTelemetry();
  });
  afterEach(() => telemetry.stop());

  it("creates one CLIENT span and sends its traceparent", async () => {
    const request = { method: "GET", url: `${server.url}/ok`, headers: { accept: "text/plain" } };
    await inSpan("parent", () => wrapSend(send)(request));
    const [span] = (await telemetry.ended(1)) as [ReadableSpan];
    expect(span).toMatchObject({
      name: "GET",
      kind: SpanKind.CLIENT,
      attributes: { "url.full": request.url, "http.response.status_code": 200 },
    });
    expect(server.values("traceparent")).toEqual([traceparentOf(span)]);
    expect(request.headers).toEqual({ accept: "text/plain" });
  });

  it("suppresses the span of instrumentation-http below it", async () => {
    const instrumentation = new HttpInstrumentation();
    // The instrumentation patches the module when it is required.
    createRequire(import.meta.url)("node:http");
    telemetry.reset();
    await inSpan("untraced", () => send({ method: "GET", url: `${server.url}/ok` }));
    await inSpan("traced", () => wrapSend(send)({ method: "GET", url: `${server.url}/ok` }));
    await telemetry.settled();
    instrumentation.disable();
    const clientSpans = telemetry.spans().filter(({ kind }) => kind === SpanKind.CLIENT);
    expect(clientSpans.map(({ instrumentationScope }) => instrumentationScope.name)).toEqual([
      "@opentelemetry/instrumentation-http",
      "a2a-otel",
    ]);
  });

  it("records a failure", async () => {
    await expect(wrapSend(send)({ method: "GET", url: `${server.url}/reset` })).rejects.toThrow("ECONNRESET");
    const [span] = await telemetry.ended(1);
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes["error.type"]).toBe("ECONNRESET");
  });

  it("sends no headers to a host that the policy excludes", async () => {
    await wrapSend(send, { propagateTo: "agents.example" })({ method: "GET", url: `${server.url}/ok` });
    await telemetry.ended(1);
    expect(server.values("traceparent")).toEqual([]);
  });
});
