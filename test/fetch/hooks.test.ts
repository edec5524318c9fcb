import { DiagLogLevel, diag, trace } from "@opentelemetry/api";
import type { Span, TextMapPropagator, Tracer, TracerProvider } from "@opentelemetry/api";
import { TracerProvider as SdkTracerProvider } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import type { FetchOptions } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void = () => {};
let heard: unknown[][];
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);
beforeAll(async () => {
  server = await serve(ROUTES);
  process.on("unhandledRejection", onRejection);
});
afterAll(() => {
  process.off("unhandledRejection", onRejection);
  return server.close();
});
beforeEach(() => {
  telemetry = startTelemetry();
  heard = [];
  const hear = (...args: unknown[]): void => void heard.push(args);
  diag.setLogger({ error: hear, warn: hear, info: silent, debug: silent, verbose: silent }, DiagLogLevel.WARN);
});
afterEach(async () => {
  undo();
  await telemetry.stop();
});

const ours = new Error("telemetry's own");
function silent(): void {}
function fail(): never {
  throw ours;
}

/** Makes a call that must go through and one that must fail, whatever telemetry does; returns what `diag` heard. */
async function heardOf(options: FetchOptions): Promise<string> {
  undo();
  heard.length = 0;
  undo = instrumentFetch(options);
  const response = await fetch(`${server.url}/echo`, { method: "POST", body: "text" });
  expect([response.status, await response.text()]).toEqual([200, "text"]);
  await expect(fetch(`${server.url}/reset`)).rejects.toThrow(new TypeError("fetch failed"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  return heard.flat().map(String).join("\n");
}

describe("a hook", () => {
  test.each(["ignoreRequestHook", "startSpanHook", "requestHook", "responseHook", "urlTemplate"])(
    "%s that throws: the request goes through, its span is there, diag hears of it",
    async (name) => {
      expect(await heardOf({ [name]: fail })).toContain(ours.message);
      expect((await telemetry.ended(2)).map(({ status }) => status.code)).toEqual([0, 2]);
    },
  );

  test.each(["requestHook", "responseHook", "startSpanHook", "ignoreRequestHook", "urlTemplate"])(
    "%s that is asynchronous and rejects: no unhandled rejection",
    async (name) => {
      expect(await heardOf({ [name]: async () => fail() })).toContain(ours.message);
      expect(rejections).toEqual([]);
      expect((await telemetry.ended(2)).map(({ status }) => status.code)).toEqual([0, 2]);
    },
  );

  test("is told of fetch's own arguments and of the very response", async () => {
    const told: unknown[] = [];
    const options: FetchOptions = {
      ignoreRequestHook: (request) => (told.push(request), false),
      startSpanHook: (request) => (told.push(request), {}),
      urlTemplate: (request) => (told.push(request), undefined),
      requestHook: (_, request) => void told.push(request),
      responseHook: (_, { request, response }) => void told.push(request, response),
    };
    undo = instrumentFetch(options);
    const input = new URL(`${server.url}/echo`);
    const init = { method: "POST", body: "text" };
    const response = await fetch(input, init);
    expect(told).toHaveLength(6);
    for (const request of told.slice(0, 5)) {
      expect(request).toEqual({ input, init });
      expect((request as { input: unknown }).input).toBe(input);
      expect((request as { init: unknown }).init).toBe(init);
    }
    expect(told[5]).toBe(response);
    await response.text();
  });

  test("may change the span: attributes at the start, a name, attributes later", async () => {
    undo = instrumentFetch({
      startSpanHook: () => ({ "app.at": "start", "http.request.method": "mine" }),
      urlTemplate: () => "/rpc/{method}",
      requestHook: (span) => void span.setAttribute("app.request", 1),
      responseHook: (span, { response }) => void span.updateName(`status ${response.status}`),
    });
    await (await fetch(`${server.url}/ok`)).text();
    const [span] = (await telemetry.ended(1)).map(shapeOf);
    expect(span?.name).toBe("status 200");
    expect(span?.attributes).toMatchObject({ "app.at": "start", "app.request": 1, "url.template": "/rpc/{method}" });
  });

  test("responseHook that reads a clone leaves the caller's body alone", async () => {
    const read: Promise<string>[] = [];
    undo = instrumentFetch({ responseHook: (_, { response }) => void read.push(response.clone().text()) });
    expect(await (await fetch(`${server.url}/events`)).text()).toBe(await read[0]);
    await telemetry.ended(1);
  });
});

const propagatorThat = (broken: Partial<TextMapPropagator>): TextMapPropagator => ({
  inject: () => {},
  extract: (context) => context,
  fields: () => ["traceparent"],
  ...broken,
});

describe("a propagator", () => {
  test.each(["inject", "extract", "fields"])("whose %s throws: the request goes through", async (method) => {
    undo = instrumentFetch({ propagator: propagatorThat({ [method]: fail }) });
    const headers = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, "x-a": "1" };
    expect(await (await fetch(`${server.url}/ok`, { headers })).text()).toBe("hello");
    expect(server.values("x-a")).toEqual(["1"]);
    expect(heard.flat()).toContain(ours);
    await telemetry.ended(1);
  });

  test("of the global place, whose inject throws", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ propagator: propagatorThat({ inject: fail }) });
    diag.setLogger({ ...console, verbose: () => {}, error: (...args) => void heard.push(args) }, DiagLogLevel.ERROR);
    expect(await heardOf({})).toContain(ours.message);
    await telemetry.ended(2);
  });

  test("that writes what no header can be: that header is left out", async () => {
    const propagator = propagatorThat({
      inject: (_, carrier, setter) => {
        setter.set(carrier, "traceparent", "line\r\nbreak");
        setter.set(carrier, "x-good", "yes");
      },
    });
    undo = instrumentFetch({ propagator });
    expect(await (await fetch(`${server.url}/ok`)).text()).toBe("hello");
    expect([server.values("traceparent"), server.values("x-good")]).toEqual([[], ["yes"]]);
  });
});

const providerOf = (tracer: Partial<Tracer>): TracerProvider => ({ getTracer: () => tracer as Tracer });
function spanThatThrowsAt(method: string): Span {
  const span = trace.getTracer("real").startSpan("real");
  return new Proxy(span, {
    get: (target, name) => (name === method ? fail : (Reflect.get(target, name) as () => void).bind(target)),
  });
}

describe("a tracer", () => {
  test.each(["onStart", "onEnd"])("whose span processor throws at %s", async (method) => {
    const quiet = { onStart: () => {}, onEnd: () => {}, forceFlush: async () => {}, shutdown: async () => {} };
    const tracerProvider = new SdkTracerProvider({ spanProcessors: [{ ...quiet, [method]: fail }] });
    expect(await heardOf({ tracerProvider })).toContain(ours.message);
  });
  test("whose provider throws", async () => {
    expect(await heardOf({ tracerProvider: { getTracer: fail } })).toContain(ours.message);
  });
  test("that throws when it starts a span", async () => {
    expect(await heardOf({ tracerProvider: providerOf({ startSpan: fail }) })).toContain(ours.message);
  });
  test.each(["setAttribute", "setStatus", "recordException", "end", "isRecording", "spanContext"])(
    "whose spans throw at %s",
    async (method) => {
      expect(await heardOf({ tracerProvider: providerOf({ startSpan: () => spanThatThrowsAt(method) }) })).toContain(ours.message);
    },
  );
});

test("a meter that throws: the request goes through", async () => {
  expect(await heardOf({ meterProvider: { getMeter: fail } })).toContain(ours.message);
  const meter = { createHistogram: () => ({ record: fail }) };
  expect(await heardOf({ meterProvider: { getMeter: () => meter } as never })).toContain(ours.message);
  await telemetry.ended(4);
});

test("a diag logger that throws: the request goes through", async () => {
  const logger = { error: fail, warn: fail, info: fail, debug: fail, verbose: fail };
  diag.setLogger(logger, { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true });
  undo = instrumentFetch({ requestHook: fail, propagator: propagatorThat({ inject: fail }) });
  expect(await (await fetch(`${server.url}/ok`)).text()).toBe("hello");
});

describe("options", () => {
  const bad: [string, unknown][] = [
    ["ignoreRequestHook", true],
    ["startSpanHook", {}],
    ["requestHook", "hook"],
    ["responseHook", 1],
    ["urlTemplate", "/path"],
    ["requireParentforSpans", "yes"],
    ["endSpanOn", "body"],
    ["a2a", true],
    ["headersToSpanAttributes", ["x-a"]],
    ["headersToSpanAttributes", { requestHeaders: "x-a" }],
    ["sensitiveQueryParameters", "sig"],
    ["knownMethods", [1]],
    ["tracerProvider", {}],
    ["meterProvider", null],
    ["propagator", { inject: () => {} }],
    ["requireParentForSpans", true],
  ];
  test.each(bad)("%s: %j is refused at set-up, by name", (name, value) => {
    const before = globalThis.fetch;
    const text = new RegExp(`instrumentFetch: .*"${name}"`);
    expect(() => instrumentFetch({ [name]: value })).toThrow(TypeError);
    expect(() => instrumentFetch({ [name]: value })).toThrow(text);
    expect(() => wrapFetch(fetch, { [name]: value })).toThrow(/^wrapFetch: /);
    expect(globalThis.fetch).toBe(before);
  });

  test.each([null, 1, "options"])("%j is no options", (value) => {
    expect(() => instrumentFetch(value as never)).toThrow(/^instrumentFetch: options must be an object/);
  });

  test("a fetch that is no function is refused", () => {
    expect(() => wrapFetch(undefined as never)).toThrow(/^wrapFetch: fetch must be a function, not undefined/);
  });

  test("undefined is the default", async () => {
    undo = instrumentFetch({ requestHook: undefined, endSpanOn: undefined, propagator: undefined } as never);
    await (await fetch(`${server.url}/ok`)).text();
    const [span] = await telemetry.ended(1);
    expect(server.values("traceparent")).toEqual([traceparentOf(span as never)]);
  });
});

test.each(["response", "headers"] as const)(
  "requestHook is told of the request for each hop of a redirect (endSpanOn: %s)",
  async (endSpanOn) => {
    const told: unknown[] = [];
    undo = instrumentFetch({ endSpanOn, requestHook: (_, request) => void told.push(request.init?.method) });
    await (await fetch(`${server.url}/redirect`, { method: "GET" })).text();
    await telemetry.ended(2);
    expect(told).toEqual(["GET", "GET"]);
  },
);
