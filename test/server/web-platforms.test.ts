import { setTimeout as sleep } from "node:timers/promises";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, trace } from "@opentelemetry/api";
import type { Span } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { traceMiddleware, traceRequests } from "../../src/server/web.ts";
import { describe as shape, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { TRACEPARENT, TRACE_ID } from "./client.ts";
import { streamFrom } from "./hono.ts";

/** Bun, Deno and Cloudflare, as the library knows them: their servers take a response's stream and call none of its methods. */
let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  vi.unstubAllGlobals();
  await telemetry.settled();
  await telemetry.stop();
});
const onBun = (): void => void vi.stubGlobal("process", { ...process, versions: { ...process.versions, bun: "1.4.5" } });

const request = (init: RequestInit = {}): Request =>
  new Request("http://agents.example/", { headers: { traceparent: TRACEPARENT }, ...init });
const traceOf = (): string | undefined => trace.getActiveSpan()?.spanContext().traceId;
const EVENTS = { "content-type": "text/event-stream" };
const milliseconds = (span: ReadableSpan | undefined): number => (span?.duration[0] ?? 0) * 1e3 + (span?.duration[1] ?? 0) / 1e6;

/** Reads a response as a platform does by itself. */
function readerOf({ body }: Response): ReadableStreamDefaultReader<Uint8Array> {
  // oxlint-disable-next-line typescript/unbound-method -- it is called on the body
  return Reflect.apply(ReadableStream.prototype.getReader, body, []) as ReadableStreamDefaultReader<Uint8Array>;
}

async function sent(response: Response): Promise<string> {
  const reader = readerOf(response);
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += new TextDecoder().decode(part.value);
  return text;
}

async function* generated(note: (traceId: string | undefined) => void = () => {}, failure?: Error): AsyncGenerator<Uint8Array> {
  for (const part of ["a", "b", "c"]) {
    await sleep(10);
    note(traceOf());
    yield new TextEncoder().encode(part);
  }
  if (failure !== undefined) throw failure;
}

const expected = (attributes: object = {}, more: object = {}): object => ({
  name: "GET",
  kind: SpanKind.SERVER,
  status: SpanStatusCode.UNSET,
  attributes: {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "server.address": "agents.example",
    "server.port": 80,
    "url.path": "/",
    "url.scheme": "http",
    ...attributes,
  },
  events: [],
  ...more,
});
const FAILED = { status: SpanStatusCode.ERROR, events: ["exception"] };

describe("a response that says that it is streamed is followed by a copy", () => {
  beforeEach(onBun);

  test.each<Record<string, string>>([
    EVENTS,
    { "content-type": "Text/Event-Stream; charset=utf-8" },
    { "content-type": "application/x-ndjson" },
    { "content-type": "application/jsonl" },
    { "content-type": "text/plain", "transfer-encoding": "chunked" },
  ])("%j: the span lasts to the last byte, in the request's context", async (headers) => {
    const seen: unknown[] = [];
    const handler = (): Response => new Response(streamFrom(generated((traceId) => seen.push(traceId))), { headers });
    const response = traceRequests(handler)(request());
    await sleep(5); // what is read at once is still made where the stream was
    expect(await sent(response)).toBe("abc");
    expect(seen).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
    const [span] = await telemetry.ended(1);
    expect(span && shape(span)).toEqual(expected());
    expect(milliseconds(span)).toBeGreaterThan(25);
  });

  test("it has the status, the headers and the class of the response", async () => {
    class Own extends Response {
      get answer(): string {
        return `own ${this.status}`;
      }
    }
    const headers = new Headers({ ...EVENTS, "x-answer": "42" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    const response = new Own(streamFrom(generated()), { status: 202, statusText: "Working", headers });
    const copy = traceRequests(() => response)(request());
    expect(copy).not.toBe(response);
    expect(copy).toBeInstanceOf(Own);
    expect(copy.answer).toBe("own 202");
    expect([...copy.headers]).toEqual([...headers]);
    expect([copy.status, copy.statusText]).toEqual([202, "Working"]);
    await copy.text();
    await telemetry.ended(1);
  });

  test("its source's failure is the span's and the server's", async () => {
    const failure = new RangeError("source");
    const response = traceRequests(() => new Response(streamFrom(generated(undefined, failure)), { headers: EVENTS }))(request());
    await expect(sent(response)).rejects.toBe(failure);
    expect((await telemetry.ended(1)).map(shape)).toEqual([expected({ "error.type": "RangeError" }, FAILED)]);
  });

  test.each<[string, boolean]>([
    ["before it was read", false],
    ["in the middle", true],
  ])("a client that goes away %s: the source is told, in its context, and nothing has failed", async (_, isRead) => {
    let cancelled: unknown;
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      cancel: (reason) => void (cancelled = [reason, traceOf()]),
    });
    const response = traceRequests(() => new Response(body, { headers: EVENTS }))(request());
    const reader = readerOf(response);
    if (isRead) await reader.read();
    await reader.cancel("gone");
    expect(cancelled).toEqual(["gone", TRACE_ID]);
    expect((await telemetry.ended(1)).map(shape)).toEqual([expected()]);
  });

  test("a client that goes away, of which the request's signal alone tells", async () => {
    const client = new AbortController();
    const response = traceRequests(() => new Response(new ReadableStream(), { headers: EVENTS }))(
      request({ signal: client.signal }),
    );
    void sent(response);
    await sleep(5);
    expect(telemetry.own()).toEqual([]);
    client.abort();
    expect((await telemetry.ended(1)).map(shape)).toEqual([expected()]);
  });

  test("a response that the platform drops ends with the last that was heard of it", async () => {
    await (async () => {
      const body = streamFrom(generated());
      const response = traceRequests(() => new Response(body, { headers: EVENTS }))(request());
      await readerOf(response).read();
    })();
    await sleep(500);
    await until(() => {
      globalThis.gc?.();
      return telemetry.own().length === 1;
    }, 8000);
    const [span] = telemetry.own();
    expect(span && shape(span)).toEqual(expected());
    expect(milliseconds(span)).toBeGreaterThan(5);
    expect(milliseconds(span)).toBeLessThan(450);
  });

  test("nothing is read ahead, and every byte arrives", async () => {
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

describe("any other response is handed on untouched, and ends the span", () => {
  beforeEach(onBun);

  test.each<[string, () => Response, RequestInit?]>([
    ["a text", () => new Response("text")],
    ["a stream that does not say so", () => new Response(streamFrom(generated()))],
    ["events of known length", () => new Response("data: x\n\n", { headers: { ...EVENTS, "content-length": "9" } })],
    ["events to HEAD", () => new Response(streamFrom(generated()), { headers: EVENTS }), { method: "HEAD" }],
    ["no body", () => new Response(null, { status: 204, headers: EVENTS })],
  ])("%s", (_, make, init) => {
    const response = make();
    const body = vi.fn<() => null>(() => null);
    Object.defineProperty(response, "body", { get: body });
    expect(traceRequests(() => response)(request(init))).toBe(response);
    expect(body).not.toHaveBeenCalled();
    expect(telemetry.own().map((span) => span.attributes["http.response.status_code"])).toEqual([response.status]);
  });

  test("a body that somebody else reads already", () => {
    const response = new Response(streamFrom(generated()), { headers: EVENTS });
    void response.text();
    expect(traceRequests(() => response)(request())).toBe(response);
    expect(telemetry.own()).toHaveLength(1);
  });

  test("a WebSocket's is too", () => {
    const response = Object.defineProperty(new Response(null, { headers: EVENTS }), "status", { value: 101 });
    expect(traceRequests(() => response)(request())).toBe(response);
    expect(telemetry.own()).toHaveLength(1);
  });
});

describe("Hono's middleware hands on the copy", () => {
  beforeEach(onBun);

  test("in the class of the response; inside the wrapper it leaves that to it", async () => {
    class Own extends Response {}
    const handed: Response[] = [];
    const app = new Hono().use(async (c, next) => {
      await next();
      handed.push(c.res);
    });
    const response = new Own(streamFrom(generated()), { headers: EVENTS });
    app.use(traceMiddleware()).get("/", () => response);
    const fetch = traceRequests((received: Request) => app.fetch(received));
    const outer = await fetch(request());
    expect(handed[0]).toBe(response);
    expect(outer).not.toBe(response);
    await sent(outer);
    const other = new Own(streamFrom(generated()), { headers: EVENTS });
    const inner = await new Hono()
      .use(traceMiddleware())
      .get("/", () => other)
      .fetch(request());
    expect(inner).not.toBe(other);
    expect(inner).toBeInstanceOf(Own);
    await sent(inner);
    await telemetry.ended(2);
  });

  test("and a handler that answers nothing has no status", async () => {
    const app = new Hono().use(traceMiddleware()).get("/", (() => {}) as unknown as () => Response);
    app.onError((_, c) => c.text("no", 500));
    expect((await app.fetch(request())).status).toBe(500);
    const [span] = await telemetry.ended(1);
    expect(span?.attributes).not.toHaveProperty("http.response.status_code");
  });

  test("with its headers as they were", async () => {
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
    expect(span && shape(span)).toEqual(expected({ "http.route": "/" }, { name: "GET /" }));
    expect(milliseconds(span)).toBeGreaterThan(25);
  });
});

describe("Bun's server", () => {
  beforeEach(() => void vi.stubGlobal("Bun", {}));
  const peer = { "client.address": "192.0.2.1", "network.peer.address": "192.0.2.1", "network.peer.port": 4711 };
  const bun = {
    address: { address: "192.0.2.1", family: "IPv4", port: 4711 },
    requestIP(given: Request): object | null {
      return given.url === "http://agents.example/" ? this.address : null;
    },
  };

  test.each<[string, object]>([
    ["as the second argument", bun],
    ["in an object, as Hono's users pass it on", { server: bun }],
  ])("tells the peer, %s", async (_, given) => {
    traceRequests((_request: Request, _server: object) => new Response())(request(), given);
    expect((await telemetry.ended(1)).map(shape)).toEqual([expected(peer)]);
  });

  test("may know none (a Unix socket)", async () => {
    traceRequests((_request: Request, _server: object) => new Response())(new Request("http://agents.example/?"), bun);
    expect((await telemetry.ended(1)).map(shape)).toEqual([expected()]);
  });

  test("is not looked for elsewhere: a Worker's bindings are not called", async () => {
    vi.unstubAllGlobals();
    const requestIP = vi.fn<() => null>();
    traceRequests((_request: Request, _env: object) => new Response())(request(), { server: { requestIP } });
    expect(requestIP).not.toHaveBeenCalled();
    await telemetry.ended(1);
  });
});

describe("Deno's server", () => {
  beforeEach(() => void vi.stubGlobal("Deno", {}));
  interface Info {
    remoteAddr: { transport: string; hostname?: string; port?: number; path?: string };
    completed?: Promise<void>;
  }
  const TCP = { transport: "tcp", hostname: "192.0.2.1", port: 4711 };
  const peer = { "client.address": "192.0.2.1", "network.peer.address": "192.0.2.1", "network.peer.port": 4711 };
  const serve = (handler: (request: Request, info: Info) => Response | Promise<Response>, completed?: Promise<void>): unknown =>
    traceRequests(handler)(request(), { remoteAddr: TCP, ...(completed && { completed }) });

  test("tells the peer, and may know none (a Unix socket)", async () => {
    serve(() => new Response());
    traceRequests((_request: Request, _info: Info) => new Response())(request(), { remoteAddr: { transport: "unix", path: "/x" } });
    expect((await telemetry.ended(2)).map(shape)).toEqual([expected(peer), expected()]);
  });

  test.each<[string, () => Promise<void>]>([
    ["settles", () => sleep(30)],
    ["rejects", () => sleep(30).then(() => Promise.reject(new Error("interrupted")))],
  ])("tells of the response's end: the span ends when its promise %s", async (_, complete) => {
    const response = new Response("text");
    expect(serve(() => response, complete())).toBe(response);
    const [span] = await telemetry.ended(1);
    expect(span && shape(span)).toEqual(expected(peer));
    expect(milliseconds(span)).toBeGreaterThan(25);
  });

  test("a stream is still made in the request's context, and its failure is the span's", async () => {
    const seen: unknown[] = [];
    const completed = sleep(60);
    const body = streamFrom(generated((traceId) => seen.push(traceId), new RangeError("source")));
    const response = serve(() => new Response(body, { headers: EVENTS }), completed) as Response;
    await expect(sent(response)).rejects.toThrow("source");
    expect(telemetry.own()).toEqual([]);
    const [span] = await telemetry.ended(1);
    expect(span && shape(span)).toEqual(expected({ ...peer, "error.type": "RangeError" }, FAILED));
    expect(seen).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
  });

  test("a handler that throws: the span has the error at the end", async () => {
    const completed = sleep(10);
    await expect(
      serve(async () => {
        throw new RangeError("no");
      }, completed),
    ).rejects.toThrow("no");
    const [span] = await telemetry.ended(1);
    const { "http.response.status_code": _, ...attributes } = (expected(peer) as { attributes: Record<string, unknown> })
      .attributes;
    expect(span && shape(span)).toEqual({ ...expected(), ...FAILED, attributes: { ...attributes, "error.type": "RangeError" } });
  });
});

describe("Deno's own telemetry (OTEL_DENO)", () => {
  beforeEach(() => void vi.stubGlobal("Deno", {}));
  const info = { remoteAddr: { transport: "unix" } };

  test.each([true, false])("has a SERVER span open, which is enriched where it records (%j)", async (isRecording) => {
    const told: unknown[] = [];
    const span = {
      spanContext: () => ({ traceId: TRACE_ID, spanId: "a00e8827ae87d6b8", traceFlags: 1 }),
      isRecording: () => isRecording,
      setAttribute: (...attribute: unknown[]) => told.push(attribute),
      updateName: (name: string) => told.push(name),
    } as unknown as Span;
    const app = new Hono().use(traceMiddleware()).get("/", (c) => c.text(trace.getActiveSpan() === span ? "its" : "ours"));
    const fetch = traceRequests((received: Request, given: object) => app.fetch(received, given));
    const response = await context.with(trace.setSpan(ROOT_CONTEXT, span), () => fetch(request(), info));
    expect(await response.text()).toBe(isRecording ? "its" : "ours");
    expect(told).toEqual(isRecording ? [["http.route", "/"], "GET /"] : []);
    await telemetry.ended(isRecording ? 0 : 1);
  });

  test("its end is not waited for, nor is a span of the application's taken for it", async () => {
    const told: unknown[] = [];
    const spanNamed = (name: string, spanId: string): Span =>
      ({
        spanContext: () => ({ traceId: TRACE_ID, spanId, traceFlags: 1 }),
        isRecording: () => true,
        setAttribute: (...attribute: unknown[]) => told.push([name, ...attribute]),
        updateName: (to: string) => told.push([name, to]),
      }) as unknown as Span;
    const [server, child] = [spanNamed("server", "a00e8827ae87d6b8"), spanNamed("child", "b00e8827ae87d6b8")];
    const responseHook = (_: Span, { response }: { response: Response }): void => void told.push(response.status);
    const app = new Hono().use((_, next) => context.with(trace.setSpan(context.active(), child), next));
    app.use(traceMiddleware({ responseHook })).get("/", (c) => c.text("", 201));
    const fetch = traceRequests((received: Request, given: object) => app.fetch(received, given));
    const given = { ...info, completed: new Promise(() => {}) };
    await context.with(trace.setSpan(ROOT_CONTEXT, server), () => fetch(request(), given));
    expect(told).toEqual([["server", "http.route", "/"], ["server", "GET /"], 201]);
  });
});

test("a WebSocket's upgrade by @hono/node-server has no response to follow: the span ends with the answer", async () => {
  const incoming = { httpVersion: "1.1", socket: { remoteAddress: "192.0.2.1", remotePort: 4711 } };
  traceRequests((_request: Request, _env: object) => new Response())(request(), { incoming, outgoing: undefined });
  const peer = { "client.address": "192.0.2.1", "network.peer.address": "192.0.2.1", "network.peer.port": 4711 };
  expect((await telemetry.ended(1)).map(shape)).toEqual([expected({ ...peer, "network.protocol.version": "1.1" })]);
});
