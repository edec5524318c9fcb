import { createRequire } from "node:module";
import http from "node:http";
import { Readable } from "node:stream";
import { SpanKind, trace } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import axios, { create } from "axios";
import type { AxiosInstance } from "axios";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { isHttpPatched } from "../../src/clients/axios/transport.ts";
import { instrumentAxios } from "../../src/axios.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

/**
 * Tests of axios with `@opentelemetry/instrumentation-http` and `-undici` active, which are registered before or after ours. Each order needs a process of its
 * own, because subscribers of channels keep their order.
 */
export function besideForeign(order: "before" | "after"): void {
  let server: TestServer;
  let telemetry: TestTelemetry;
  let instance: AxiosInstance;
  const foreign: (HttpInstrumentation | UndiciInstrumentation)[] = [];

  function registerForeign(): void {
    foreign.push(new HttpInstrumentation({ disableIncomingRequestInstrumentation: true }), new UndiciInstrumentation());
    const load = createRequire(import.meta.url);
    load("node:http");
    load("node:https");
  }

  beforeAll(async () => {
    if (order === "before") registerForeign();
    instrumentAxios(create());
    if (order === "after") registerForeign();
    expect(isHttpPatched()).toBe(true);
    server = await serve(ROUTES);
  });
  afterAll(() => server.close());
  beforeEach(() => {
    telemetry = startTelemetry();
    for (const instrumentation of foreign) instrumentation.setTracerProvider(trace.getTracerProvider());
    instance = create();
    instrumentAxios(instance);
  });
  afterEach(() => telemetry.stop());

  const clients = (): string[] =>
    telemetry
      .spans()
      .filter(({ kind }) => kind === SpanKind.CLIENT)
      .map(({ instrumentationScope }) => instrumentationScope.name);

  it.each(["http", "fetch"])("a request has one CLIENT span and one traceparent through the %s adapter", async (adapter) => {
    await axios.get(`${server.url}/ok`, { adapter });
    expect(clients()).toHaveLength(1);
    expect(clients()).not.toContain("a2a-otel");
    telemetry.reset();
    await instance.get(`${server.url}/ok`, { adapter });
    await instance.get(`${server.url}/ok`, { adapter });
    expect(clients()).toEqual(["a2a-otel", "a2a-otel"]);
    expect(server.values("traceparent")).toEqual([traceparentOf(telemetry.own()[1]!)]);
  });

  it("each hop of a redirect has one span and one traceparent", async () => {
    await instance.post(`${server.url}/redirect-307`, "body");
    await instance.get(`${server.url}/redirect`, { maxRedirects: 3, beforeRedirect: () => {} });
    expect(clients()).toEqual(["a2a-otel", "a2a-otel", "a2a-otel", "a2a-otel"]);
    const sent = server.requests.slice(-4).map((request) => server.values("traceparent", request));
    expect(sent).toEqual(telemetry.own().map((own) => [traceparentOf(own)]));
  });

  it("a request has one span if axios first waits for the length of its body", async () => {
    const form = Object.assign(Readable.from(["body"]), {
      append: () => {},
      getHeaders: () => ({ "content-type": "multipart/form-data" }),
      getLength: (done: (error: null, length: number) => void) => void setTimeout(done, 10, null, 4),
      [Symbol.toStringTag]: "FormData",
    });
    await instance.post(`${server.url}/echo`, form);
    expect(server.requests.at(-1)!.body.toString()).toBe("body");
    expect(clients()).toEqual(["a2a-otel"]);
  });

  it("a request with maxRedirects: 0 has one span", async () => {
    await instance.get(`${server.url}/ok`, { maxRedirects: 0 });
    expect(clients()).toEqual(["a2a-otel"]);
  });

  it("a request of another client has the span of the other instrumentation", async () => {
    await instance.get(`${server.url}/ok`);
    await new Promise((resolve) => http.get(`${server.url}/ok`, (response) => response.resume().on("end", resolve)));
    expect(clients()).toEqual(["a2a-otel", "@opentelemetry/instrumentation-http"]);
  });
}
