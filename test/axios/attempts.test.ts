import { SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import axios, { AxiosHeaders, create } from "axios";
import type { AxiosError, AxiosInstance, AxiosRequestConfig } from "axios";
import axiosRetry from "axios-retry";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let server: TestServer;
let telemetry: TestTelemetry;
let instance: AxiosInstance;
let failures = 0;

beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/flaky": (_, response) => void response.writeHead(failures-- > 0 ? 503 : 200).end("flaky"),
  });
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  instance = create();
});
afterEach(() => telemetry.stop());

const asJson = (error: AxiosError): unknown => ({ ...(JSON.parse(JSON.stringify(error)) as object), stack: "" });

describe("a re-send", () => {
  it.each(["before", "after"])(
    "by axios-retry, registered %s ours, has a span under the same parent and a traceparent of its own",
    async (order) => {
      const made = create();
      if (order === "before") axiosRetry(made, { retries: 3 });
      instrumentAxios(made);
      if (order === "after") axiosRetry(made, { retries: 3 });
      failures = 2;
      const response = await inSpan("application", () => made.get<string>(`${server.url}/flaky`, { headers: { "x-a": "1" } }));
      expect({ data: response.data, adapter: response.config.adapter }).toEqual({
        data: "flaky",
        adapter: ["xhr", "http", "fetch"],
      });
      const attempts = await telemetry.ended(3);
      expect(attempts.map(({ attributes }) => attributes["http.request.resend_count"])).toEqual([undefined, 1, 2]);
      expect(attempts.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
      expect(new Set(attempts.map(({ parentSpanContext }) => parentSpanContext?.spanId)).size).toBe(1);
      const wire = server.requests.slice(-3).map((request) => server.values("traceparent", request));
      expect(wire).toEqual(attempts.map((attempt) => [traceparentOf(attempt)]));
      expect(JSON.stringify(response.config.headers)).not.toContain("traceparent");
    },
  );

  it("of a failed config has a resend_count; one of a config that succeeded has none", async () => {
    instrumentAxios(instance);
    const error = await instance.get(`${server.url}/missing`).catch((reason: unknown) => reason);
    const ok = await instance.get(`${server.url}/ok`);
    await instance.request(ok.config);
    await instance.request({ ...(error as AxiosError).config, url: `${server.url}/ok` });
    const counts = (await telemetry.ended(4)).map(({ attributes }) => attributes["http.request.resend_count"]);
    expect(counts).toEqual([undefined, undefined, undefined, 1]);
  });

  it("has a resend_count through an instance that is not instrumented, or has other options", async () => {
    instrumentAxios(instance);
    const error = (await instance.get(`${server.url}/missing`).catch((reason: unknown) => reason)) as AxiosError;
    await axios.request({ ...error.config, url: `${server.url}/ok` });
    const other = create();
    instrumentAxios(other, { urlTemplate: () => "/template" });
    await other.request({ ...error.config, url: `${server.url}/ok` });
    const ended = await telemetry.ended(3);
    expect(ended.map(({ name }) => name)).toEqual(["GET", "GET", "GET /template"]);
    expect(ended.map(({ attributes }) => attributes["http.request.resend_count"])).toEqual([undefined, 1, 1]);
  });

  it("replaces headers that the application has set", async () => {
    instrumentAxios(instance);
    const headers = { Traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01`, TraceState: "by=hand" };
    const error = (await instance.get(`${server.url}/missing`, { headers }).catch((reason: unknown) => reason)) as AxiosError;
    expect(error.config!.headers.get("traceparent")).toBe(headers.Traceparent);
    await instance.request(error.config!).catch(() => {});
    await instance.request(error.config!).catch(() => {});
    const attempts = await telemetry.ended(3);
    const wire = server.requests.slice(-3).map((request) => server.values("traceparent", request));
    expect(wire).toEqual(attempts.map((attempt) => [traceparentOf(attempt)]));
    expect(attempts.map((attempt) => attempt.parentSpanContext?.spanId)).toEqual(Array.from({ length: 3 }, () => "2".repeat(16)));
  });

  it("leaves a failed config that is the same in JSON as without instrumentation", async () => {
    const plain = (await axios.get(`${server.url}/missing`).catch((reason: unknown) => reason)) as AxiosError;
    instrumentAxios(instance);
    const traced = (await instance.get(`${server.url}/missing`).catch((reason: unknown) => reason)) as AxiosError;
    expect(asJson(traced)).toEqual(asJson(plain));
    expect(traced.config).toBe(traced.response!.config);
    expect(Object.keys(traced)).toEqual(Object.keys(plain));
  });
});

describe("headers", () => {
  it("of the caller are not changed, if they are frozen and used again", async () => {
    instrumentAxios(instance);
    const headers = Object.freeze({ "X-One": "1", TRACEPARENT: "garbage" });
    const config: AxiosRequestConfig = Object.freeze({ headers });
    await instance.get(`${server.url}/ok`, config);
    await instance.get(`${server.url}/ok`, config);
    const shared = new AxiosHeaders({ "X-One": "1" });
    await Promise.all([1, 2, 3].map(() => instance.get(`${server.url}/ok`, { headers: shared })));
    expect(Object.entries(shared)).toEqual([["X-One", "1"]]);
    const ended = await telemetry.ended(5);
    const sent = server.requests.slice(-5).flatMap((request) => server.values("traceparent", request));
    expect(sent.toSorted()).toEqual(ended.map(traceparentOf).toSorted());
  });

  it("that an interceptor sets on several requests in progress have one traceparent each", async () => {
    instrumentAxios(instance);
    const shared = new AxiosHeaders({ "X-One": "1" });
    instance.interceptors.request.use((config) => ({ ...config, headers: shared }));
    await Promise.all(Array.from({ length: 10 }, () => instance.get(`${server.url}/ok`)));
    const ended = await telemetry.ended(10);
    const sent = server.requests.slice(-10).flatMap((request) => server.values("traceparent", request));
    expect(sent.toSorted()).toEqual(ended.map(traceparentOf).toSorted());
    expect(shared.get("traceparent")).toBeUndefined();
  });

  it("stay the object that interceptors received, with the changes that axios makes", async () => {
    for (const auth of [undefined, { username: "user", password: "secret" }]) {
      const seen: unknown[] = [];
      const other = create();
      other.interceptors.request.use((config) => {
        seen.push(config.headers);
        return config;
      });
      instrumentAxios(other);
      const config = { headers: { Authorization: "by hand", traceparent: "by hand" }, ...(auth && { auth }) };
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      const [traced, plain] = [await other.get(`${server.url}/ok`, config), await axios.get(`${server.url}/ok`, config)];
      expect(traced.config.headers).toBe(seen[0]);
      expect(Object.entries(traced.config.headers)).toEqual(Object.entries(plain.config.headers));
    }
  });

  it("carry the active baggage, merged with the baggage that the application has set", async () => {
    instrumentAxios(instance);
    const baggage = propagation.createBaggage({ a: { value: "active" }, b: { value: "active" } });
    await context.with(propagation.setBaggage(context.active(), baggage), () =>
      instance.get(`${server.url}/ok`, { headers: { Baggage: "b=hand,c=hand" } }),
    );
    expect(
      server
        .values("baggage")
        .flatMap((value) => value.split(","))
        .toSorted(),
    ).toEqual(["a=active", "b=active", "c=hand"]);
  });
});

const fail = (): never => {
  throw new Error("hook");
};

describe("a call", () => {
  it("is neither recorded nor changed if tracing is suppressed or the request is ignored", async () => {
    instrumentAxios(instance, { ignoreRequestHook: ({ url }) => url?.endsWith("/json") === true });
    await context.with(suppressTracing(context.active()), () => instance.get(`${server.url}/ok`));
    expect(server.values("traceparent")).toEqual([]);
    await instance.get(`${server.url}/json`);
    expect(server.values("traceparent")).toEqual([]);
    await telemetry.ended(0);
  });

  it("passes the config and the response to hooks, and is not affected by hooks that throw", async () => {
    const seen: unknown[] = [];
    const other = create();
    instrumentAxios(other, { requestHook: fail, responseHook: fail, startSpanHook: fail, urlTemplate: fail });
    await other.get(`${server.url}/ok`);
    instrumentAxios(instance, {
      startSpanHook: ({ method, adapter }) => ({ method: String(method), adapter: String(adapter) }),
      requestHook: (own, request) => own.setAttribute("timeout", request.timeout ?? -1),
      responseHook: (own, { request, response }) => {
        seen.push({ status: response.status, isOfRequest: response.config === request });
        own.setAttribute("length", String(response.data).length);
      },
    });
    await instance.get(`${server.url}/ok`, { timeout: 500 });
    await instance.get(`${server.url}/missing`).catch(() => {});
    const [, own] = await telemetry.ended(3);
    expect(own!.attributes).toMatchObject({ method: "get", adapter: "xhr,http,fetch", timeout: 500, length: 5 });
    expect(seen).toEqual([
      { status: 200, isOfRequest: true },
      { status: 404, isOfRequest: true },
    ]);
  });

  it("that is concurrent with others has the right parent, and does not change the caller's context", async () => {
    instrumentAxios(instance);
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        inSpan(`parent ${index}`, async () => {
          const before = context.active();
          await instance.get(`${server.url}/ok`, { params: { index } });
          expect(context.active()).toBe(before);
          expect(trace.getActiveSpan()).toMatchObject({ name: `parent ${index}` });
        }),
      ),
    );
    for (const own of await telemetry.ended(10)) {
      const parent = telemetry.spans().find((other) => other.spanContext().spanId === own.parentSpanContext?.spanId);
      expect(own.attributes["url.full"]).toBe(`${server.url}/ok?index=${parent!.name.slice("parent ".length)}`);
    }
  });
});
