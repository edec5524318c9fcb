import { SpanKind, trace } from "@opentelemetry/api";
import { HttpResponse, http, passthrough } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { traffic } from "./control.ts";

let telemetry: TestTelemetry;
let server: TestServer;
const platform = Object.getOwnPropertyDescriptor(globalThis, "fetch") as PropertyDescriptor;
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
});
afterEach(async () => {
  await telemetry.stop();
  Object.defineProperty(globalThis, "fetch", platform);
});

const get = async (fetchFunction: typeof fetch = fetch, path = "/ok"): Promise<string> =>
  (await fetchFunction(server.url + path)).text();

/** Whether each request carried the traceparent of one span of ours, and there are no other spans. */
async function hasOneSpanEach(count: number): Promise<boolean> {
  const { sent, issued } = await traffic(telemetry, server, count);
  expect(sent).toEqual(issued);
  return telemetry.started() === count && sent.length === count;
}

/** Another copy of the package: modules of its own, as an application gets them from two versions in its dependency tree. */
async function anotherCopy(): Promise<{ instrumentFetch: typeof instrumentFetch }> {
  vi.resetModules();
  const copy = await import("../../src/fetch.ts");
  expect(copy.instrumentFetch).not.toBe(instrumentFetch);
  return copy;
}

describe("instrumentFetch() called twice", () => {
  it("wraps once, and is undone by the last undo function", async () => {
    const first = instrumentFetch();
    const once = globalThis.fetch;
    const second = instrumentFetch();
    expect(globalThis.fetch).toBe(once);
    await get();
    expect(await hasOneSpanEach(1)).toBe(true);
    first();
    first();
    expect(globalThis.fetch).toBe(once);
    second();
    expect(globalThis.fetch).not.toBe(once);
    await get();
    expect(telemetry.own()).toHaveLength(1);
  });

  it("marks the wrapper in a shared WeakSet and not by a property", () => {
    const undo = instrumentFetch();
    const { instrumented } = (globalThis as Record<symbol, unknown>)[Symbol.for("a2a-otel.state.v1")] as {
      instrumented: WeakSet<object>;
    };
    expect(instrumented).toBeInstanceOf(WeakSet);
    expect(instrumented.has(fetch)).toBe(true);
    expect(Reflect.ownKeys(fetch)).toEqual(Reflect.ownKeys(platform.value as object));
    undo();
  });

  it("wraps once with two copies of the package", async () => {
    const copy = await anotherCopy();
    const undo = instrumentFetch();
    const once = globalThis.fetch;
    const undoCopy = copy.instrumentFetch();
    expect(globalThis.fetch).toBe(once);
    await get();
    expect(await hasOneSpanEach(1)).toBe(true);
    undoCopy();
    expect(globalThis.fetch).toBe(once);
    undo();
  });

  it.each(["the same copy", "another copy"])(
    "records one span a request with a foreign wrapper between two of ours, the outer of %s",
    async (which) => {
      const undoInner = instrumentFetch();
      const inner = globalThis.fetch;
      globalThis.fetch = (input, init) => inner(input, { ...init });
      const undoOuter = which === "another copy" ? (await anotherCopy()).instrumentFetch() : instrumentFetch();
      await inSpan("work", () => Promise.all([get(), get(fetch, "/json")]));
      await get(fetch, "/redirect");
      const { sent, issued } = await traffic(telemetry, server, 4);
      expect(sent).toEqual(issued);
      undoOuter();
      globalThis.fetch = inner;
      undoInner();
    },
  );

  it("makes wrapFetch() without options return the instrumented fetch", () => {
    const undo = instrumentFetch();
    expect(wrapFetch(globalThis.fetch)).toBe(globalThis.fetch);
    undo();
  });

  it("records one span for a wrapped fetchImpl that calls the instrumented global fetch", async () => {
    const undo = instrumentFetch();
    await get(wrapFetch((input, init) => fetch(input, init)));
    expect(await hasOneSpanEach(1)).toBe(true);
    undo();
  });
});

describe("a foreign wrapper", () => {
  it("that was there before is called with the caller's this and arguments", async () => {
    const original = globalThis.fetch;
    const seen: unknown[] = [];
    const foreign = function (this: unknown, ...args: Parameters<typeof fetch>): Promise<Response> {
      seen.push(this, args.length, args[0]);
      return original(...args);
    };
    globalThis.fetch = foreign;
    const undo = instrumentFetch();
    await (await Reflect.apply(fetch, globalThis, [`${server.url}/ok`, undefined])).text();
    expect(await hasOneSpanEach(1)).toBe(true);
    expect(seen).toEqual([globalThis, 2, `${server.url}/ok`]);
    undo();
    expect(globalThis.fetch).toBe(foreign);
    globalThis.fetch = original;
  });

  it("that came later stays when ours is undone, and ours then only passes calls on", async () => {
    const original = globalThis.fetch;
    const undo = instrumentFetch();
    const ours = globalThis.fetch;
    const foreign: typeof fetch = (input, init) => ours(input, init);
    globalThis.fetch = foreign;
    await get();
    expect(await hasOneSpanEach(1)).toBe(true);
    undo();
    expect(globalThis.fetch).toBe(foreign);
    await get();
    expect(server.values("traceparent")).toEqual([]);
    expect(telemetry.own()).toHaveLength(1);
    const again = instrumentFetch();
    telemetry.reset();
    server.requests.length = 0;
    await get();
    expect(await hasOneSpanEach(1)).toBe(true);
    again();
    expect(globalThis.fetch).toBe(foreign);
    globalThis.fetch = original;
  });

  it("that copies own properties is not taken for an instrumented fetch", async () => {
    const undo = instrumentFetch();
    const ours = globalThis.fetch;
    const foreign = Object.defineProperties(async () => new Response("mine"), Object.getOwnPropertyDescriptors(ours));
    expect(await get(wrapFetch(foreign))).toBe("mine");
    await telemetry.ended(1);
    undo();
  });

  it("leaves a request to another HTTP instrumentation whose active span has injected its traceparent", async () => {
    const tracer = trace.getTracer("third party");
    const undo = instrumentFetch();
    const instrumented = globalThis.fetch;
    const thirdParty: typeof fetch = (input, init) =>
      tracer.startActiveSpan("GET", { kind: SpanKind.CLIENT, attributes: { "url.full": server.url } }, async (span) => {
        const response = await instrumented(input, { ...init, headers: { traceparent: traceparentOf(span as never) } });
        span.end();
        return response;
      });
    await get(thirdParty);
    expect(telemetry.own()).toEqual([]);
    expect(server.values("traceparent")).toEqual([traceparentOf(telemetry.spans()[0] as never)]);
    undo();
  });

  it("puts an HTTP span below the active CLIENT span of a library that injects its own traceparent", async () => {
    const undo = instrumentFetch();
    const instrumented = globalThis.fetch;
    const library: typeof fetch = (input, init) =>
      trace.getTracer("model client").startActiveSpan("chat", { kind: SpanKind.CLIENT }, async (span) => {
        const response = await instrumented(input, { ...init, headers: { traceparent: traceparentOf(span as never) } });
        span.end();
        return response;
      });
    await get(library);
    const [httpSpan] = telemetry.own();
    const chat = telemetry.spans().find(({ name }) => name === "chat");
    expect(httpSpan?.parentSpanContext?.spanId).toBe(chat?.spanContext().spanId);
    expect(server.values("traceparent")).toEqual([traceparentOf(httpSpan as never)]);
    undo();
  });

  it("that starts a span while it is called finds tracing suppressed", async () => {
    const original = globalThis.fetch;
    globalThis.fetch = (input, init) => {
      trace.getTracer("foreign").startSpan("foreign", { kind: SpanKind.CLIENT }).end();
      return original(input, init);
    };
    const undo = instrumentFetch();
    await get();
    expect(await hasOneSpanEach(1)).toBe(true);
    undo();
    globalThis.fetch = original;
  });

  it("that makes a call of its own gets a span and headers for it", async () => {
    const original = globalThis.fetch;
    const token = wrapFetch((input, init) => original(input, init));
    globalThis.fetch = (input, init) => {
      const asked = token(`${server.url}/json`);
      return asked.then(() => original(input, init));
    };
    const undo = instrumentFetch();
    await get();
    expect(await hasOneSpanEach(2)).toBe(true);
    undo();
    globalThis.fetch = original;
  });
});

describe.each(["before", "after"])("msw listening %s instrumentFetch", (order) => {
  const seen: (string | null)[] = [];
  const handlers = [
    http.get("https://agent.example/card", ({ request }) => {
      seen.push(request.headers.get("traceparent"));
      return HttpResponse.json({ name: "mocked" });
    }),
    http.get("https://agent.example/proxy", async ({ request }) => {
      seen.push(request.headers.get("traceparent"));
      trace.getTracer("application").startSpan("in the handler").end();
      return HttpResponse.text(await get());
    }),
    http.get("https://agent.example/broken", () => HttpResponse.error()),
    http.get(/^http:\/\/127\.0\.0\.1/, () => passthrough()),
  ];
  const mock = setupServer(...handlers);
  let undo: () => void;
  beforeEach(() => {
    seen.length = 0;
    if (order === "before") mock.listen();
    undo = instrumentFetch();
    if (order === "after") mock.listen();
  });
  afterEach(() => {
    if (order === "after") mock.close();
    undo();
    if (order === "before") mock.close();
  });

  it("sends the span's traceparent to a mocked agent", async () => {
    const answer: unknown = await inSpan("work", async () => (await fetch("https://agent.example/card?a=1")).json());
    expect(answer).toEqual({ name: "mocked" });
    const [span] = await telemetry.ended(1);
    await telemetry.settled();
    expect(seen).toEqual([traceparentOf(span as never)]);
    const { name, kind, status, attributes } = shapeOf(span as never);
    expect({ name, kind, status }).toEqual({ name: "GET", kind: SpanKind.CLIENT, status: 0 });
    expect(attributes).toMatchObject({
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "server.address": "agent.example",
      "server.port": 443,
      "url.full": "https://agent.example/card?a=1",
    });
  });

  it("records one span for a request that passes through", async () => {
    await get();
    expect(await hasOneSpanEach(1)).toBe(true);
  });

  it("records the call and the spans of a handler that calls fetch", async () => {
    await inSpan("work", async () => (await fetch("https://agent.example/proxy")).text());
    const own = await telemetry.ended(2);
    await telemetry.settled();
    const [inner, outer] = ["127.0.0.1", "agent.example"].map((host) =>
      own.find(({ attributes }) => attributes["server.address"] === host),
    );
    expect(seen).toEqual([traceparentOf(outer as never)]);
    expect(server.values("traceparent")).toEqual([traceparentOf(inner as never)]);
    expect(telemetry.spans().filter(({ name }) => name === "in the handler")).toHaveLength(1);
  });

  it("records a mocked network error as an error", async () => {
    await expect(fetch("https://agent.example/broken")).rejects.toThrow(TypeError);
    const [span] = (await telemetry.ended(1)).map(shapeOf);
    expect(span).toMatchObject({ status: 2, events: ["exception"], attributes: { "error.type": expect.any(String) } });
  });
});

it("restores the property descriptor when it is undone", () => {
  instrumentFetch()();
  expect(Object.getOwnPropertyDescriptor(globalThis, "fetch")).toEqual(platform);
});
