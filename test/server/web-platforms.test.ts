import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceMiddleware, traceRequests } from "../../src/server/web.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { TRACEPARENT, TRACE_ID } from "./client.ts";
import { EVENTS, FAILED, activeTrace, endOf, milliseconds, parts, readerOf, sent, streamFrom, webSpan } from "./web.ts";

// Bun, Deno and Cloudflare, whose servers read a response's stream without calling its methods.
let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  vi.unstubAllGlobals();
  await telemetry.settled();
  await telemetry.stop();
});
const onBun = (): void =>
  void vi.stubGlobal("process", Object.create(process, { versions: { value: { ...process.versions, bun: "1.4.5" } } }));

const request = (init: RequestInit = {}): Request =>
  new Request("http://agents.example/", { headers: { traceparent: TRACEPARENT }, ...init });

describe("a response whose headers declare a stream", () => {
  beforeEach(onBun);

  it.each<Record<string, string>>([
    EVENTS,
    { "content-type": "Text/Event-Stream; charset=utf-8" },
    { "content-type": "application/x-ndjson" },
    { "content-type": "application/jsonl" },
    { "content-type": "text/plain", "transfer-encoding": "chunked" },
  ])("is followed to its last byte, in the request's context, with %j", async (headers) => {
    const seen: unknown[] = [];
    const handler = (): Response => new Response(streamFrom(parts((traceId) => seen.push(traceId))), { headers });
    const response = traceRequests(handler)(request());
    await sleep(5); // otherwise the first part is produced in the context that created the stream
    expect(await sent(response)).toBe("abc");
    expect(seen).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(webSpan());
    expect(milliseconds(span)).toBeGreaterThan(25);
  });

  it("is copied with its status, headers and class", async () => {
    class Own extends Response {
      get answer(): string {
        return `own ${this.status}`;
      }
    }
    const headers = new Headers({ ...EVENTS, "x-answer": "42" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    const response = new Own(streamFrom(parts()), { status: 202, statusText: "Working", headers });
    const copy = traceRequests(() => response)(request());
    expect(copy).not.toBe(response);
    expect(copy).toBeInstanceOf(Own);
    expect(copy.answer).toBe("own 202");
    expect([...copy.headers]).toEqual([...headers]);
    expect(copy).toMatchObject({ status: 202, statusText: "Working" });
    await copy.text();
    await telemetry.ended(1);
  });

  it("passes the error of its source to the server and the span", async () => {
    const failure = new RangeError("source");
    const response = traceRequests(() => new Response(streamFrom(parts(undefined, failure)), { headers: EVENTS }))(request());
    await expect(sent(response)).rejects.toBe(failure);
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan({ "error.type": "RangeError" }, FAILED)]);
  });

  it.each<[string, boolean]>([
    ["before it was read", false],
    ["in the middle", true],
  ])("cancels its source in the request's context, without an error, if the client closes the connection %s", async (_, isRead) => {
    let cancelled: unknown;
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      cancel: (reason) => void (cancelled = [reason, activeTrace()]),
    });
    const response = traceRequests(() => new Response(body, { headers: EVENTS }))(request());
    const reader = readerOf(response);
    if (isRead) await reader.read();
    await reader.cancel("gone");
    expect(cancelled).toEqual(["gone", TRACE_ID]);
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan()]);
  });

  it("ends the span if only the request's signal reports that the client closed the connection", async () => {
    const client = new AbortController();
    const response = traceRequests(() => new Response(new ReadableStream(), { headers: EVENTS }))(
      request({ signal: client.signal }),
    );
    void sent(response);
    await sleep(5);
    expect(telemetry.own()).toEqual([]);
    client.abort();
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan()]);
  });

  it("ends the span with the time of the last read if the platform drops it", async () => {
    const lastRead = await (async () => {
      const body = streamFrom(parts());
      const response = traceRequests(() => new Response(body, { headers: EVENTS }))(request());
      await readerOf(response).read();
      return Date.now();
    })();
    await sleep(500);
    await until(() => {
      globalThis.gc?.();
      return telemetry.own().length === 1;
    }, 8000);
    const [span] = telemetry.own();
    expect(span && shapeOf(span)).toEqual(webSpan());
    expect(milliseconds(span)).toBeGreaterThan(5);
    // The clocks of the span and of the test may differ by a few milliseconds.
    expect(span && endOf(span)).toBeLessThan(lastRead + 50);
  });

  it("is not read ahead, and arrives completely", async () => {
    let pulled = 0;
    const pull = (controller: ReadableStreamDefaultController): void => {
      controller.enqueue(new Uint8Array(1000).fill(++pulled));
      if (pulled === 100) controller.close();
    };
    const body = new ReadableStream({ pull }, { highWaterMark: 0 });
    const response = traceRequests(() => new Response(body, { headers: EVENTS }))(request());
    const reader = readerOf(response);
    await sleep(5);
    expect(pulled).toBe(0);
    let length = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.length;
      expect(part.value).toEqual(new Uint8Array(1000).fill(pulled));
      expect(pulled).toBe(length / 1000);
    }
    expect(length).toBe(100_000);
    await telemetry.ended(1);
  });
});

describe("any other response is returned unchanged and ends the span", () => {
  beforeEach(onBun);

  it.each<[string, () => Response, RequestInit?]>([
    ["a text", () => new Response("text")],
    ["a stream without such headers", () => new Response(streamFrom(parts()))],
    ["events of known length", () => new Response("data: x\n\n", { headers: { ...EVENTS, "content-length": "9" } })],
    ["events for HEAD", () => new Response(streamFrom(parts()), { headers: EVENTS }), { method: "HEAD" }],
    ["without a body", () => new Response(null, { status: 204, headers: EVENTS })],
  ])("if it is %s", (_, make, init) => {
    const response = make();
    const body = vi.fn<() => null>(() => null);
    Object.defineProperty(response, "body", { get: body });
    expect(traceRequests(() => response)(request(init))).toBe(response);
    expect(body).not.toHaveBeenCalled();
    expect(telemetry.own().map((span) => span.attributes["http.response.status_code"])).toEqual([response.status]);
  });

  it("if its body is being read already", () => {
    const response = new Response(streamFrom(parts()), { headers: EVENTS });
    void response.text();
    expect(traceRequests(() => response)(request())).toBe(response);
    expect(telemetry.own()).toHaveLength(1);
  });

  it("if it is that of a WebSocket", () => {
    const response = Object.defineProperty(new Response(null, { headers: EVENTS }), "status", { value: 101 });
    expect(traceRequests(() => response)(request())).toBe(response);
    expect(telemetry.own()).toHaveLength(1);
  });
});

describe("Hono's middleware", () => {
  beforeEach(onBun);

  it("sets the copy in the class of the response, except inside a wrapped handler, which makes the copy itself", async () => {
    class Own extends Response {}
    const handed: Response[] = [];
    const app = new Hono().use(async (c, next) => {
      await next();
      handed.push(c.res);
    });
    const response = new Own(streamFrom(parts()), { headers: EVENTS });
    app.use(traceMiddleware()).get("/", () => response);
    const fetch = traceRequests((received: Request) => app.fetch(received));
    const outer = await fetch(request());
    expect(handed[0]).toBe(response);
    expect(outer).not.toBe(response);
    await sent(outer);
    const other = new Own(streamFrom(parts()), { headers: EVENTS });
    const inner = await new Hono()
      .use(traceMiddleware())
      .get("/", () => other)
      .fetch(request());
    expect(inner).not.toBe(other);
    expect(inner).toBeInstanceOf(Own);
    await sent(inner);
    await telemetry.ended(2);
  });

  it("records no status if a handler returns nothing", async () => {
    const app = new Hono().use(traceMiddleware()).get("/", (() => {}) as unknown as () => Response);
    app.onError((_, c) => c.text("no", 500));
    expect((await app.fetch(request())).status).toBe(500);
    const [span] = await telemetry.ended(1);
    expect(span?.attributes).not.toHaveProperty("http.response.status_code");
  });

  it("keeps the headers of the response", async () => {
    const app = new Hono().use(traceMiddleware()).get("/", (c) => {
      c.header("set-cookie", "a=1", { append: true });
      c.header("set-cookie", "b=2", { append: true });
      return streamSSE(c, async (out) => {
        for (const data of ["a", "b", "c"]) {
          await out.sleep(10);
          await out.writeSSE({ data });
        }
      });
    });
    const response = await app.request("http://agents.example/");
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(await sent(response)).toBe("data: a\n\ndata: b\n\ndata: c\n\n");
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(webSpan({ "http.route": "/" }, { name: "GET /" }));
    expect(milliseconds(span)).toBeGreaterThan(25);
  });
});
