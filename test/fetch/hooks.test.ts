import { DiagLogLevel, diag, trace } from "@opentelemetry/api";
import type { Span, TextMapPropagator, Tracer, TracerProvider } from "@opentelemetry/api";
import { TracerProvider as SdkTracerProvider } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import type { FetchOptions } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void = () => {};
let messages: unknown[][];
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
  messages = [];
  const record = (...args: unknown[]): void => void messages.push(args);
  diag.setLogger({ error: record, warn: record, info: silent, debug: silent, verbose: silent }, DiagLogLevel.WARN);
});
afterEach(async () => {
  undo();
  await telemetry.stop();
});

const telemetryError = new Error("telemetry's own");
function silent(): void {}
function fail(): never {
  throw telemetryError;
}

/** Makes a call that must succeed and one that must fail, whatever telemetry does; returns what was logged to `diag`. */
async function logged(options: FetchOptions): Promise<string> {
  undo();
  messages.length = 0;
  undo = instrumentFetch(options);
  const response = await fetch(`${server.url}/echo`, { method: "POST", body: "text" });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe("text");
  await expect(fetch(`${server.url}/reset`)).rejects.toThrow(new TypeError("fetch failed"));
  await new Promise((resolve) => setImmediate(resolve)); // for the rejections of hooks
  return messages.flat().map(String).join("\n");
}

describe("a hook", () => {
  it.each(["ignoreRequestHook", "startSpanHook", "requestHook", "responseHook", "urlTemplate"])(
    "%s that throws is logged and changes neither the request nor its span",
    async (name) => {
      expect(await logged({ [name]: fail })).toContain(telemetryError.message);
      expect((await telemetry.ended(2)).map(({ status }) => status.code)).toEqual([0, 2]);
    },
  );

  it.each(["requestHook", "responseHook", "startSpanHook", "ignoreRequestHook", "urlTemplate"])(
    "%s that rejects is logged and causes no unhandled rejection",
    async (name) => {
      expect(await logged({ [name]: async () => fail() })).toContain(telemetryError.message);
      expect(rejections).toEqual([]);
      expect((await telemetry.ended(2)).map(({ status }) => status.code)).toEqual([0, 2]);
    },
  );

  it("gets fetch's own arguments and the very response", async () => {
    const received: unknown[] = [];
    const options: FetchOptions = {
      ignoreRequestHook: (request) => (received.push(request), false),
      startSpanHook: (request) => (received.push(request), {}),
      urlTemplate: (request) => (received.push(request), undefined),
      requestHook: (_, request) => void received.push(request),
      responseHook: (_, { request, response }) => void received.push(request, response),
    };
    undo = instrumentFetch(options);
    const input = new URL(`${server.url}/echo`);
    const init = { method: "POST", body: "text" };
    const response = await fetch(input, init);
    expect(received).toHaveLength(6);
    for (const request of received.slice(0, 5)) {
      expect(request).toEqual({ input, init });
      expect((request as { input: unknown }).input).toBe(input);
      expect((request as { init: unknown }).init).toBe(init);
    }
    expect(received[5]).toBe(response);
    await response.text();
  });

  it("sets attributes and the name of the span", async () => {
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

  it("responseHook that reads a clone does not consume the caller's body", async () => {
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
  it.each(["inject", "extract", "fields"])("whose %s throws does not fail the request", async (method) => {
    undo = instrumentFetch({ propagator: propagatorThat({ [method]: fail }) });
    const headers = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, "x-a": "1" };
    expect(await (await fetch(`${server.url}/ok`, { headers })).text()).toBe("hello");
    expect(server.values("x-a")).toEqual(["1"]);
    expect(messages.flat()).toContain(telemetryError);
    await telemetry.ended(1);
  });

  it("that is registered globally and whose inject throws is logged", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ propagator: propagatorThat({ inject: fail }) });
    diag.setLogger({ ...console, verbose: () => {}, error: (...args) => void messages.push(args) }, DiagLogLevel.ERROR);
    expect(await logged({})).toContain(telemetryError.message);
    await telemetry.ended(2);
  });

  it("that writes an invalid header value: the header is omitted", async () => {
    const propagator = propagatorThat({
      inject: (_, carrier, setter) => {
        setter.set(carrier, "traceparent", "line\r\nbreak");
        setter.set(carrier, "x-good", "yes");
      },
    });
    undo = instrumentFetch({ propagator });
    expect(await (await fetch(`${server.url}/ok`)).text()).toBe("hello");
    expect(server.values("traceparent")).toEqual([]);
    expect(server.values("x-good")).toEqual(["yes"]);
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
  it.each(["onStart", "onEnd"])("whose span processor throws at %s is logged", async (method) => {
    const quiet = { onStart: () => {}, onEnd: () => {}, forceFlush: async () => {}, shutdown: async () => {} };
    const tracerProvider = new SdkTracerProvider({ spanProcessors: [{ ...quiet, [method]: fail }] });
    expect(await logged({ tracerProvider })).toContain(telemetryError.message);
  });
  it("whose provider throws is logged", async () => {
    expect(await logged({ tracerProvider: { getTracer: fail } })).toContain(telemetryError.message);
  });
  it("that throws in startSpan is logged", async () => {
    expect(await logged({ tracerProvider: providerOf({ startSpan: fail }) })).toContain(telemetryError.message);
  });
  it.each(["setAttribute", "setStatus", "recordException", "end", "isRecording", "spanContext"])(
    "whose spans throw at %s is logged",
    async (method) => {
      expect(await logged({ tracerProvider: providerOf({ startSpan: () => spanThatThrowsAt(method) }) })).toContain(
        telemetryError.message,
      );
    },
  );
});

it("does not fail the request when a meter throws", async () => {
  expect(await logged({ meterProvider: { getMeter: fail } })).toContain(telemetryError.message);
  const meter = { createHistogram: () => ({ record: fail }) };
  expect(await logged({ meterProvider: { getMeter: () => meter } as never })).toContain(telemetryError.message);
  await telemetry.ended(4);
});

it("does not fail the request when the diag logger throws", async () => {
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
  it.each(bad)("are rejected at set-up with the option's name: %s: %j", (name, value) => {
    const before = globalThis.fetch;
    const text = new RegExp(`instrumentFetch: .*"${name}"`);
    expect(() => instrumentFetch({ [name]: value })).toThrow(TypeError);
    expect(() => instrumentFetch({ [name]: value })).toThrow(text);
    expect(() => wrapFetch(fetch, { [name]: value })).toThrow(/^wrapFetch: /);
    expect(globalThis.fetch).toBe(before);
  });

  it.each([null, 1, "options"])("must be an object, not %j", (value) => {
    expect(() => instrumentFetch(value as never)).toThrow(/^instrumentFetch: options must be an object/);
  });

  it("need a fetch function in wrapFetch", () => {
    expect(() => wrapFetch(undefined as never)).toThrow(/^wrapFetch: fetch must be a function, not undefined/);
  });

  it("that are undefined have their defaults", async () => {
    undo = instrumentFetch({ requestHook: undefined, endSpanOn: undefined, propagator: undefined });
    await (await fetch(`${server.url}/ok`)).text();
    const [span] = await telemetry.ended(1);
    expect(server.values("traceparent")).toEqual([traceparentOf(span as never)]);
  });
});

it.each(["response", "headers"] as const)(
  "calls requestHook with the request for each hop of a redirect (endSpanOn: %s)",
  async (endSpanOn) => {
    const methods: unknown[] = [];
    undo = instrumentFetch({ endSpanOn, requestHook: (_, request) => void methods.push(request.init?.method) });
    await (await fetch(`${server.url}/redirect`, { method: "GET" })).text();
    await telemetry.ended(2);
    expect(methods).toEqual(["GET", "GET"]);
  },
);
