import { SpanStatusCode } from "@opentelemetry/api";
import { hrTimeToMilliseconds } from "@opentelemetry/core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Dispatcher } from "undici";
import { traceInterceptor } from "../../src/undici.ts";
import type { UndiciOptions } from "../../src/undici.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { clearGlobals, shapeOf, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { handlerOf, inTurn, major, undici } from "./support.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let agent: Dispatcher;

beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  agent = new undici.Agent().compose(traceInterceptor());
});
afterEach(async () => {
  await agent.destroy();
  await telemetry.stop();
});

// The span's clock is not exactly that of performance.timeOrigin.
const CLOCK_TOLERANCE_MS = 50;

const METHODS = [
  ["onRequestStart", "onRequestUpgrade", "onResponseStart", "onResponseData", "onResponseEnd", "onResponseError"],
  ["onConnect", "onUpgrade", "onHeaders", "onData", "onComplete", "onError"],
  ["onResponseStarted", "onBodySent", "onRequestSent"],
].flat();

/** The options and the handler that the inner dispatch gets. */
function passedOn(
  handler: object,
  opts: object = { origin: "http://agents.example", path: "/", method: "GET" },
  options: UndiciOptions = {},
): [object, object] {
  let passed: [object, object] | undefined;
  const dispatch = traceInterceptor(options)((...args) => {
    passed = args;
    return true;
  });
  expect(dispatch.length).toBe(2);
  expect(dispatch(opts as Dispatcher.DispatchOptions, handler)).toBe(true);
  return passed!;
}

it("calls a handler's methods on the handler with undici's arguments and returns their results", () => {
  const calls: object[] = [];
  const handler: Record<string, (...args: unknown[]) => unknown> = {};
  METHODS.forEach((name) => {
    handler[name] = function (this: unknown, ...args: unknown[]) {
      calls.push({ name, onHandler: this === handler, arguments: args.filter((arg) => arg !== undefined).length });
      return name;
    };
  });
  const [, traced] = passedOn(handler) as [unknown, typeof handler];
  const controller = { aborted: false, paused: false };
  const args: Record<string, unknown[]> = {
    onRequestStart: [controller, {}],
    onRequestUpgrade: [controller, 101, {}, {}],
    onResponseStart: [controller, 200, {}, "OK"],
    onResponseData: [controller, Buffer.alloc(1)],
    onResponseEnd: [controller, {}],
    onResponseError: [controller, new Error("no")],
    onConnect: [() => {}, {}],
    onUpgrade: [101, [], {}],
    onHeaders: [200, [], () => {}, "OK", {}],
    onData: [Buffer.alloc(1)],
    onComplete: [[]],
    onError: [new Error("no")],
    onResponseStarted: [],
    onBodySent: [Buffer.alloc(1)],
    onRequestSent: [],
  };
  expect(METHODS.map((name) => traced[name]!(...args[name]!))).toEqual(METHODS);
  expect(calls).toEqual(METHODS.map((name) => ({ name, onHandler: true, arguments: args[name]!.length })));
});

it("has exactly the methods of the handler and leaves other values unchanged", () => {
  const [, traced] = passedOn({ onRequestStart() {}, onResponseError() {}, onBodySent: 5 }) as [unknown, Record<string, unknown>];
  const kinds = Object.fromEntries(METHODS.map((name) => [name, typeof traced[name]]).filter(([, kind]) => kind !== "undefined"));
  expect(kinds).toEqual({ onRequestStart: "function", onResponseError: "function", onBodySent: "number" });
});

describe("a handler of undici 6", () => {
  type Legacy = Record<string, (...args: unknown[]) => unknown>;
  const RAW = [Buffer.from("X-A"), Buffer.from("1"), "x-b", ["2", "3"], "x-a", "4"];
  const HEADERS = { "x-a": ["1", "4"], "x-b": ["2", "3"] };

  function legacy(options: UndiciOptions): Legacy {
    const handler = { onConnect() {}, onUpgrade() {}, onHeaders() {}, onData: () => false, onComplete() {}, onError() {} };
    return passedOn(handler, undefined, options)[1] as Legacy;
  }

  it("gives hooks the response in the form of undici 7", async () => {
    const seen: unknown[] = [];
    const traced = legacy({ responseHook: (_, { response }) => void seen.push(response) });
    traced["onHeaders"]!(200, RAW, () => {}, "OK", undefined);
    expect(traced["onData"]!(undefined)).toBe(false);
    expect(traced["onData"]!(Buffer.alloc(1))).toBe(false);
    traced["onComplete"]!([]);
    legacy({ responseHook: (_, { response }) => void seen.push(response) })["onUpgrade"]!(101, RAW, {});
    expect(seen).toEqual([
      { statusCode: 200, headers: HEADERS, statusMessage: "OK" },
      { statusCode: 101, headers: HEADERS, statusMessage: undefined },
    ]);
    await telemetry.ended(2);
  });

  it("records every value of a repeated response header", async () => {
    const traced = legacy({ headersToSpanAttributes: { responseHeaders: ["X-A", "x-b", "x-c"] } });
    traced["onHeaders"]!(404, RAW, () => {}, "Not Found", undefined);
    traced["onComplete"]!([]);
    const unread = legacy({ headersToSpanAttributes: { responseHeaders: ["x-a"] } });
    unread["onHeaders"]!(200, null, () => {}, "OK", undefined);
    unread["onComplete"]!([]);
    const [first, second] = await telemetry.ended(2);
    expect(first?.attributes["http.response.header.x-a"]).toEqual(["1,4"]);
    expect(first?.attributes["http.response.header.x-b"]).toEqual(["2,3"]);
    const names = Object.keys(second?.attributes ?? {}).filter((name) => name.startsWith("http.response.header"));
    expect(names).toEqual([]);
  });
});

it("passes on an undefined chunk and an undefined controller", async () => {
  const chunks: unknown[] = [];
  const handler = {
    onRequestStart() {},
    onResponseStart() {},
    onResponseData: (...args: unknown[]) => chunks.push(args),
    onResponseEnd() {},
    onResponseError() {},
  };
  const traced = passedOn(handler)[1] as Record<string, (...args: unknown[]) => unknown>;
  traced["onResponseStart"]!({}, 200, {}, "OK");
  traced["onResponseData"]!(undefined, undefined);
  traced["onResponseEnd"]!({}, {});
  expect(chunks).toEqual([[undefined, undefined]]);
  await telemetry.ended(1);
});

it("ends the span on an error without a controller and without a start", async () => {
  const [, traced] = passedOn({ onRequestStart() {}, onResponseError: () => "result" });
  const { onResponseError } = traced as { onResponseError: (controller: unknown, error: unknown) => unknown };
  expect(onResponseError.call(traced, null, Object.assign(new Error("no"), { code: "ECONNREFUSED" }))).toBe("result");
  expect(onResponseError.call(traced, undefined, new Error("again"))).toBe("result");
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toMatchObject({ status: SpanStatusCode.ERROR, attributes: { "error.type": "ECONNREFUSED" } });
  expect(span!.events).toHaveLength(1);
});

it("rethrows an error of the inner dispatch and ends the span", async () => {
  const error = new TypeError("beneath");
  const dispatch = traceInterceptor()(() => {
    throw error;
  });
  expect(() =>
    dispatch(
      { origin: server.url, path: "/", method: "GET" },
      handlerOf(() => {}),
    ),
  ).toThrow(error);
  expect(shapeOf((await telemetry.ended(1))[0]!).attributes["error.type"]).toBe("TypeError");
});

it.skipIf(major < 8)("rejects the legacy handlers of the platform's fetch as undici does, so that the fetch settles", async () => {
  const plain = await fetch(server.url, { dispatcher: new undici.Agent() } as RequestInit).catch((error: Error) => error.cause);
  const traced = await fetch(server.url, { dispatcher: agent } as RequestInit).catch((error: Error) => error.cause);
  expect(String(traced)).toBe(String(plain));
  await telemetry.settled();
});

it.each([[null], ["GET"], [{}]] as unknown[][])("leaves it to undici to refuse invalid options: %j", async (opts) => {
  const refusal = (dispatcher: Dispatcher): unknown => {
    let error: unknown;
    try {
      dispatcher.dispatch(
        opts as Dispatcher.DispatchOptions,
        handlerOf((reported) => (error = reported)),
      );
    } catch (thrown) {
      error = thrown;
    }
    return error;
  };
  expect(String(refusal(agent))).toBe(String(refusal(new undici.Agent())));
  await telemetry.settled();
});

it("keeps the shape of the caller's headers, does not change them, and sends one traceparent", async () => {
  const own = { "x-a": "1", TraceParent: "by hand" };
  const record = {};
  const shapes: [string, object | null | undefined][] = [
    ["a record", Object.freeze({ ...own })],
    ["a flat array", Object.freeze(Object.entries(own).flat())],
    ["an empty array", []],
    ["Headers", new Headers(own)],
    ["a Map", new Map(Object.entries(own))],
    ["a Set of pairs", new Set(Object.entries(own))],
    ["null", null],
    ["undefined", undefined],
  ];
  await inTurn(shapes, async ([shape, headers]) => {
    telemetry.reset();
    const options = Object.freeze({ origin: server.url, path: "/ok", method: "GET", headers }) as Dispatcher.RequestOptions;
    const [passed] = passedOn(
      handlerOf(() => {}),
      options,
    ) as [{ headers: object }, unknown];
    expect(passed.headers.constructor, shape).toBe((headers ?? record).constructor);
    telemetry.reset();
    await inTurn([1, 2], async () => (await agent.request(options)).body.dump());
    const spans = await telemetry.ended(2);
    expect(server.values("traceparent"), shape).toEqual([traceparentOf(spans[1]!)]);
    const isEmpty = shape === "an empty array" || !headers;
    expect(server.values("x-a"), shape).toEqual(isEmpty ? [] : ["1"]);
  });
});

it("reads headers from an iterator only once", async () => {
  const pairs = [
    ["x-a", "1"],
    ["x-a", "2"],
  ] as [string, string][];
  await (await agent.request({ origin: server.url, path: "/ok", method: "GET", headers: pairs.values() })).body.dump();
  const [span] = await telemetry.ended(1);
  expect(server.values("x-a")).toEqual(["1", "2"]);
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
});

// undici before 7.30 does not handle this itself.
it.skipIf(major < 8)("treats a record as a record when Object.prototype has an iterator", async () => {
  const everything = Object.prototype as { [Symbol.iterator]?: unknown };
  everything[Symbol.iterator] = function* () {};
  try {
    await (await agent.request({ origin: server.url, path: "/ok", method: "GET", headers: { "x-a": "1" } })).body.dump();
  } finally {
    delete everything[Symbol.iterator];
  }
  const [span] = await telemetry.ended(1);
  expect(server.values("x-a")).toEqual(["1"]);
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
});

it.each([[["x-a"]], ["text"], [5]])("leaves it to undici to refuse invalid headers: %j", async (headers) => {
  const options = { origin: server.url, path: "/ok", method: "GET", headers } as unknown as Dispatcher.RequestOptions;
  const plain = await new undici.Agent().request(options).catch(String);
  expect(await agent.request(options).catch(String)).toBe(plain);
  expect(plain).toContain("InvalidArgumentError");
  await telemetry.settled();
});

it("keeps inherited properties of the caller's options", async () => {
  class Options {
    #path = "/ok";
    origin = server.url;
    method = "GET" as const;
    get path(): string {
      return this.#path;
    }
  }
  const client = new undici.Client(server.url);
  const traced = client.compose(traceInterceptor());
  expect(await (await traced.request(new Options())).body.text()).toBe("hello");
  const [span] = await telemetry.ended(1);
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
  await client.close();
});

it("leaves back-pressure to undici: a paused body delivers no more chunks", async () => {
  expect(await chunksUntilPaused(new undici.Agent())).toBe(1);
  expect(await chunksUntilPaused(agent)).toBe(1);
  await telemetry.settled();
});

/** How many chunks a handler gets that pauses at the first one, while another request is answered. */
async function chunksUntilPaused(dispatcher: Dispatcher): Promise<number> {
  let chunks = 0;
  await new Promise<void>((resolve) => {
    const handler = handlerOf(
      () => {},
      () => {
        chunks++;
        resolve();
        return false;
      },
    );
    dispatcher.dispatch({ origin: server.url, path: "/large", method: "GET" }, handler);
  });
  await (await dispatcher.request({ origin: server.url, path: "/large", method: "GET" })).body.dump({ limit: Infinity });
  await dispatcher.destroy();
  return chunks;
}

it("ends the span of an unread response at the time of its headers", { timeout: 10_000 }, async () => {
  const { body } = await agent.request({ origin: server.url, path: "/large", method: "GET" });
  body.on("error", () => {}); // when the dispatcher is destroyed
  const headersArrived = performance.timeOrigin + performance.now();
  expect(telemetry.own()).toEqual([]);
  const [span] = await telemetry.ended(1, 8000);
  expect(hrTimeToMilliseconds(span!.endTime)).toBeLessThan(headersArrived + CLOCK_TOLERANCE_MS);
  expect(shapeOf(span!).status).toBe(SpanStatusCode.UNSET);
});

it("follows a slowly read response to its end", { timeout: 10_000 }, async () => {
  const { body } = await agent.request({ origin: server.url, path: "/large", method: "GET" });
  let chunks = 0;
  let ended = 0;
  for await (const _ of body) {
    // Longer than an unread response may last.
    if (++chunks === 4) await new Promise((resolve) => setTimeout(resolve, 3200));
    if (chunks === 5) ended = telemetry.own().length;
  }
  expect(ended).toBe(0);
  const [span] = await telemetry.ended(1);
  expect(span!.duration[0]).toBeGreaterThanOrEqual(3);
});

it("leaves options and handler unchanged without an SDK and without a context", async () => {
  await telemetry.stop();
  clearGlobals();
  const opts = { origin: "http://agents.example", path: "/", method: "GET" };
  const handler = handlerOf(() => {});
  const [passedOpts, passedHandler] = passedOn(handler, opts);
  expect(passedOpts).toBe(opts);
  expect(passedHandler).toBe(handler);
  telemetry = startTelemetry();
});

it("returns an interceptor that compose accepts, and rejects unknown options", () => {
  const interceptor: Dispatcher.DispatcherComposeInterceptor = traceInterceptor({ requestHook: (_, { path }) => void path });
  expect(interceptor.length).toBeLessThanOrEqual(2);
  expect(() => traceInterceptor({ unknown: 1 } as object)).toThrow('traceInterceptor: there is no option "unknown"');
});
