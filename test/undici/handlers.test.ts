import { SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
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

const METHODS = [
  ["onRequestStart", "onRequestUpgrade", "onResponseStart", "onResponseData", "onResponseEnd", "onResponseError"],
  ["onConnect", "onUpgrade", "onHeaders", "onData", "onComplete", "onError"],
  ["onResponseStarted", "onBodySent", "onRequestSent"],
].flat();

/** What a dispatch beneath us is given for a handler. */
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

test("a handler's methods are called as they are: on it, with what undici gives, and their values are given back", () => {
  const calls: unknown[] = [];
  const handler: Record<string, (...args: unknown[]) => unknown> = {};
  METHODS.forEach((name) => {
    handler[name] = function (this: unknown, ...args: unknown[]) {
      calls.push([name, this === handler, args.filter((arg) => arg !== undefined).length]);
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
  expect(calls).toEqual(METHODS.map((name) => [name, true, args[name]!.length]));
});

test("a method that the handler has not is not there, and one that is no function stays what it is", () => {
  const [, traced] = passedOn({ onRequestStart() {}, onResponseError() {}, onBodySent: 5 }) as [unknown, Record<string, unknown>];
  const kinds = Object.fromEntries(METHODS.map((name) => [name, typeof traced[name]]).filter(([, kind]) => kind !== "undefined"));
  expect(kinds).toEqual({ onRequestStart: "function", onResponseError: "function", onBodySent: "number" });
});

describe("what a handler of undici 6 is told", () => {
  type Legacy = Record<string, (...args: unknown[]) => unknown>;
  const RAW = [Buffer.from("X-A"), Buffer.from("1"), "x-b", ["2", "3"], "x-a", "4"];
  const HEADERS = { "x-a": ["1", "4"], "x-b": ["2", "3"] };

  function legacy(options: UndiciOptions): Legacy {
    const handler = { onConnect() {}, onUpgrade() {}, onHeaders() {}, onData: () => false, onComplete() {}, onError() {} };
    return passedOn(handler, undefined, options)[1] as Legacy;
  }

  test("hooks are told as what undici 7 tells", async () => {
    const seen: unknown[] = [];
    const traced = legacy({ responseHook: (_, { response }) => void seen.push(response) });
    traced["onHeaders"]!(200, RAW, () => {}, "OK", undefined);
    expect([traced["onData"]!(undefined), traced["onData"]!(Buffer.alloc(1))]).toEqual([false, false]);
    traced["onComplete"]!([]);
    legacy({ responseHook: (_, { response }) => void seen.push(response) })["onUpgrade"]!(101, RAW, {});
    expect(seen).toEqual([
      { statusCode: 200, headers: HEADERS, statusMessage: "OK" },
      { statusCode: 101, headers: HEADERS, statusMessage: undefined },
    ]);
    await telemetry.ended(2);
  });

  test("is recorded, of headers that came several times each value", async () => {
    const traced = legacy({ headersToSpanAttributes: { responseHeaders: ["X-A", "x-b", "x-c"] } });
    traced["onHeaders"]!(404, RAW, () => {}, "Not Found", undefined);
    traced["onComplete"]!([]);
    const unread = legacy({ headersToSpanAttributes: { responseHeaders: ["x-a"] } });
    unread["onHeaders"]!(200, null, () => {}, "OK", undefined);
    unread["onComplete"]!([]);
    const [first, second] = await telemetry.ended(2);
    expect([first?.attributes["http.response.header.x-a"], first?.attributes["http.response.header.x-b"]]).toEqual([
      ["1,4"],
      ["2,3"],
    ]);
    const names = Object.keys(second?.attributes ?? {}).filter((name) => name.startsWith("http.response.header"));
    expect(names).toEqual([]);
  });
});

test("a chunk that is none, and a controller that is none, are handed on", async () => {
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

test("an error without a controller, and without a start, ends the span", async () => {
  const [, traced] = passedOn({ onRequestStart() {}, onResponseError: () => "told" });
  const { onResponseError } = traced as { onResponseError: (controller: unknown, error: unknown) => unknown };
  expect(onResponseError.call(traced, null, Object.assign(new Error("no"), { code: "ECONNREFUSED" }))).toBe("told");
  expect(onResponseError.call(traced, undefined, new Error("again"))).toBe("told");
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toMatchObject({ status: SpanStatusCode.ERROR, attributes: { "error.type": "ECONNREFUSED" } });
  expect(span!.events).toHaveLength(1);
});

test("what a dispatch throws is thrown on, and ends the span", async () => {
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

test.skipIf(major < 8)("a handler of another version is refused as it is without us: the platform's fetch settles", async () => {
  const plain = await fetch(server.url, { dispatcher: new undici.Agent() } as RequestInit).catch((error: Error) => error.cause);
  const traced = await fetch(server.url, { dispatcher: agent } as RequestInit).catch((error: Error) => error.cause);
  expect(String(traced)).toBe(String(plain));
  await telemetry.settled();
});

test.each([[null], ["GET"], [{}]] as unknown[][])("options that undici refuses are refused by undici: %j", async (opts) => {
  const refusal = (dispatcher: Dispatcher): unknown => {
    let error: unknown;
    try {
      dispatcher.dispatch(
        opts as Dispatcher.DispatchOptions,
        handlerOf((told) => (error = told)),
      );
    } catch (thrown) {
      error = thrown;
    }
    return error;
  };
  expect(String(refusal(agent))).toBe(String(refusal(new undici.Agent())));
  await telemetry.settled();
});

test("headers in every shape keep it, are not touched, and carry one traceparent", async () => {
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
  await inTurn(shapes, async ([given, headers]) => {
    telemetry.reset();
    const options = Object.freeze({ origin: server.url, path: "/ok", method: "GET", headers }) as Dispatcher.RequestOptions;
    const [passed] = passedOn(
      handlerOf(() => {}),
      options,
    ) as [{ headers: object }, unknown];
    expect([given, passed.headers.constructor]).toEqual([given, (headers ?? record).constructor]);
    telemetry.reset();
    await inTurn([1, 2], async () => (await agent.request(options)).body.dump());
    const spans = await telemetry.ended(2);
    expect([given, server.values("traceparent")]).toEqual([given, [traceparentOf(spans[1]!)]]);
    const isEmpty = given === "an empty array" || !headers;
    expect([given, server.values("x-a")]).toEqual([given, isEmpty ? [] : ["1"]]);
  });
});

test("headers that can be read once are read once", async () => {
  const pairs = [
    ["x-a", "1"],
    ["x-a", "2"],
  ] as [string, string][];
  await (await agent.request({ origin: server.url, path: "/ok", method: "GET", headers: pairs.values() })).body.dump();
  const [span] = await telemetry.ended(1);
  expect([server.values("x-a"), server.values("traceparent")]).toEqual([["1", "2"], [traceparentOf(span!)]]);
});

// undici itself looks out for this since 7.30.
test.skipIf(major < 8)("a record stays one where all objects have an iterator", async () => {
  const everything = Object.prototype as { [Symbol.iterator]?: unknown };
  everything[Symbol.iterator] = function* () {};
  try {
    await (await agent.request({ origin: server.url, path: "/ok", method: "GET", headers: { "x-a": "1" } })).body.dump();
  } finally {
    delete everything[Symbol.iterator];
  }
  const [span] = await telemetry.ended(1);
  expect([server.values("x-a"), server.values("traceparent")]).toEqual([["1"], [traceparentOf(span!)]]);
});

test.each([[["x-a"]], ["text"], [5]])("headers that undici refuses are refused: %j", async (headers) => {
  const options = { origin: server.url, path: "/ok", method: "GET", headers } as unknown as Dispatcher.RequestOptions;
  const plain = await new undici.Agent().request(options).catch(String);
  expect(await agent.request(options).catch(String)).toBe(plain);
  expect(plain).toContain("InvalidArgumentError");
  await telemetry.settled();
});

test("options of a class of one's own keep what they inherit", async () => {
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

test("back-pressure is undici's own: a paused body comes in no faster with us", async () => {
  const plain = await received(new undici.Agent());
  const traced = await received(agent);
  expect(traced).toBe(plain);
  await agent.destroy();
  await telemetry.settled();
});

/** How many bytes come in until a handler that pauses at once is told no more. */
async function received(dispatcher: Dispatcher): Promise<number> {
  let bytes = 0;
  const handler = handlerOf(
    () => {},
    (chunk) => {
      bytes += chunk.length;
      return false;
    },
  );
  dispatcher.dispatch({ origin: server.url, path: "/large", method: "GET" }, handler);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await dispatcher.destroy();
  return Math.min(bytes, 1);
}

test("a response that lies unread ends its span, with the time of its headers", { timeout: 10_000 }, async () => {
  const { body } = await agent.request({ origin: server.url, path: "/large", method: "GET" });
  body.on("error", () => {}); // when the dispatcher is destroyed
  const before = performance.now();
  const [span] = await telemetry.ended(1, 5000);
  expect(performance.now() - before).toBeGreaterThan(2000);
  expect(span!.duration[0]).toBe(0);
  expect(shapeOf(span!).status).toBe(SpanStatusCode.UNSET);
});

test("a response that is read slowly is followed to its end", { timeout: 10_000 }, async () => {
  const { body } = await agent.request({ origin: server.url, path: "/large", method: "GET" });
  let chunks = 0;
  let ended = 0;
  for await (const _ of body) {
    if (++chunks === 4) await new Promise((resolve) => setTimeout(resolve, 3200));
    if (chunks === 5) ended = telemetry.own().length;
  }
  expect(ended).toBe(0);
  const [span] = await telemetry.ended(1);
  expect(span!.duration[0]).toBeGreaterThanOrEqual(3);
});

test("a context that comes without an SDK is handed on, and a request without one is left as it is", async () => {
  await telemetry.stop();
  clearGlobals();
  const opts = { origin: "http://agents.example", path: "/", method: "GET" };
  const handler = handlerOf(() => {});
  const [passedOpts, passedHandler] = passedOn(handler, opts);
  expect(passedOpts).toBe(opts);
  expect(passedHandler).toBe(handler);
  telemetry = startTelemetry();
});

test("the interceptor is what compose takes, in types too", () => {
  const interceptor: Dispatcher.DispatcherComposeInterceptor = traceInterceptor({ requestHook: (_, { path }) => void path });
  expect(interceptor.length).toBeLessThanOrEqual(2);
  expect(() => traceInterceptor({ unknown: 1 } as object)).toThrow('traceInterceptor: there is no option "unknown"');
});
