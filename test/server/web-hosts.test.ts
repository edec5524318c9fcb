import { EventEmitter } from "node:events";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import type { Span } from "@opentelemetry/api";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceMiddleware, traceRequests } from "../../src/server/web.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { TRACEPARENT, TRACE_ID } from "./client.ts";
import { EVENTS, FAILED, parts, sent, streamFrom, webSpan, readerOf } from "./web.ts";

// What servers report about a request in addition to the `Request` itself, and about the end of its response.
let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  vi.unstubAllGlobals();
  await telemetry.settled();
  await telemetry.stop();
});

const request = (init: RequestInit = {}): Request =>
  new Request("http://agents.example/", { headers: { traceparent: TRACEPARENT }, ...init });

describe("Bun's server", () => {
  beforeEach(() => void vi.stubGlobal("Bun", {}));
  const peer = { "client.address": "192.0.2.1", "network.peer.address": "192.0.2.1", "network.peer.port": 4711 };
  const bun = {
    address: { address: "192.0.2.1", family: "IPv4", port: 4711 },
    requestIP(given: Request): object | null {
      return given.url === "http://agents.example/" ? this.address : null;
    },
  };

  it.each<[string, object]>([
    ["from the second argument", bun],
    ["from an object, as applications with Hono pass it on", { server: bun }],
  ])("reports the peer, %s", async (_, given) => {
    traceRequests((_request: Request, _server: object) => new Response())(request(), given);
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan(peer)]);
  });

  it("may not know the peer (a Unix socket)", async () => {
    traceRequests((_request: Request, _server: object) => new Response())(new Request("http://agents.example/?"), bun);
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan()]);
  });

  it("is not searched for in a Worker's bindings, none of which is called", async () => {
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

  it("reports the peer, unless it is a Unix socket", async () => {
    serve(() => new Response());
    traceRequests((_request: Request, _info: Info) => new Response())(request(), { remoteAddr: { transport: "unix", path: "/x" } });
    expect((await telemetry.ended(2)).map(shapeOf)).toEqual([webSpan(peer), webSpan()]);
  });

  it.each(["settles", "rejects"])("ends the span when its promise %s", async (outcome) => {
    const { promise: completed, resolve, reject } = Promise.withResolvers<void>();
    const response = new Response("text");
    expect(serve(() => response, completed)).toBe(response);
    await setImmediate();
    expect(telemetry.own()).toEqual([]);
    if (outcome === "settles") resolve();
    else reject(new Error("interrupted"));
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan(peer)]);
  });

  it("reads a stream in the request's context, and records its error", async () => {
    const seen: unknown[] = [];
    const { promise: completed, resolve } = Promise.withResolvers<void>();
    const body = streamFrom(parts((traceId) => seen.push(traceId), new RangeError("source")));
    const response = serve(() => new Response(body, { headers: EVENTS }), completed) as Response;
    await expect(sent(response)).rejects.toThrow("source");
    expect(telemetry.own()).toEqual([]);
    resolve();
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(webSpan({ ...peer, "error.type": "RangeError" }, FAILED));
    expect(seen).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
  });

  it("records no error if the client closes the connection and the pending source fails because of it", async () => {
    const { promise: completed, resolve } = Promise.withResolvers<void>();
    const body = new ReadableStream(
      { pull: () => sleep(20), cancel: () => Promise.reject(new Error("gone")) },
      { highWaterMark: 0 },
    );
    const reader = readerOf(serve(() => new Response(body, { headers: EVENTS }), completed) as Response);
    const read = reader.read();
    await sleep(5);
    await expect(reader.cancel()).rejects.toThrow("gone");
    expect(await read).toEqual({ done: true, value: undefined });
    await sleep(30);
    resolve();
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan(peer)]);
  });

  it("records no error if the client closes the connection while a part arrives", async () => {
    const start = (controller: ReadableStreamDefaultController): void => controller.enqueue(new Uint8Array(1));
    const reader = readerOf(serve(() => new Response(new ReadableStream({ start }), { headers: EVENTS }), sleep(20)) as Response);
    await sleep(5);
    void reader.read();
    await reader.cancel();
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan(peer)]);
  });

  it("does not end the span when a stream is garbage-collected before Deno reports the end", async () => {
    const { promise: completed, resolve } = Promise.withResolvers<void>();
    await sent(serve(() => new Response(streamFrom(parts()), { headers: EVENTS }), completed) as Response);
    for (let count = 0; count < 20; count++) {
      globalThis.gc?.();
      await sleep(5);
    }
    expect(telemetry.own()).toEqual([]);
    resolve();
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan(peer)]);
  });

  it("records the error of a handler that throws", async () => {
    const completed = sleep(10);
    await expect(
      serve(async () => {
        throw new RangeError("no");
      }, completed),
    ).rejects.toThrow("no");
    const [span] = await telemetry.ended(1);
    const { "http.response.status_code": _, ...attributes } = (webSpan(peer) as { attributes: Record<string, unknown> }).attributes;
    expect(span && shapeOf(span)).toEqual({ ...webSpan(), ...FAILED, attributes: { ...attributes, "error.type": "RangeError" } });
  });
});

describe("the SERVER span of Deno's own telemetry (OTEL_DENO)", () => {
  beforeEach(() => void vi.stubGlobal("Deno", {}));
  const info = { remoteAddr: { transport: "unix" } };

  it.each([true, false])("is enriched if it records (%j)", async (isRecording) => {
    const recorded: unknown[] = [];
    const span = {
      spanContext: () => ({ traceId: TRACE_ID, spanId: "a00e8827ae87d6b8", traceFlags: 1 }),
      isRecording: () => isRecording,
      setAttribute: (...attribute: unknown[]) => recorded.push(attribute),
      updateName: (name: string) => recorded.push(name),
    } as unknown as Span;
    const app = new Hono().use(traceMiddleware()).get("/", (c) => c.text(trace.getActiveSpan() === span ? "its" : "ours"));
    const fetch = traceRequests((received: Request, given: object) => app.fetch(received, given));
    const response = await context.with(trace.setSpan(ROOT_CONTEXT, span), () => fetch(request(), info));
    expect(await response.text()).toBe(isRecording ? "its" : "ours");
    expect(recorded).toEqual(isRecording ? [["http.route", "/"], "GET /"] : []);
    await telemetry.ended(isRecording ? 0 : 1);
  });

  it("is not followed to its end, and is not confused with a span of the application", async () => {
    const recorded: unknown[] = [];
    const spanNamed = (name: string, spanId: string): Span =>
      ({
        spanContext: () => ({ traceId: TRACE_ID, spanId, traceFlags: 1 }),
        isRecording: () => true,
        setAttribute: (...attribute: unknown[]) => recorded.push([name, ...attribute]),
        updateName: (to: string) => recorded.push([name, to]),
      }) as unknown as Span;
    const [server, child] = [spanNamed("server", "a00e8827ae87d6b8"), spanNamed("child", "b00e8827ae87d6b8")];
    const responseHook = (_: Span, { response }: { response: Response }): void => void recorded.push(response.status);
    const app = new Hono().use((_, next) => context.with(trace.setSpan(context.active(), child), next));
    app.use(traceMiddleware({ responseHook })).get("/", (c) => c.text("", 201));
    const fetch = traceRequests((received: Request, given: object) => app.fetch(received, given));
    const given = { ...info, completed: new Promise(() => {}) };
    await context.with(trace.setSpan(ROOT_CONTEXT, server), () => fetch(request(), given));
    expect(recorded).toEqual([["server", "http.route", "/"], ["server", "GET /"], 201]);
  });
});

describe("the response of node:http below a Request", () => {
  const known = { "client.address": "192.0.2.1", "network.peer.address": "192.0.2.1", "network.protocol.version": "1.1" };
  const answer = (response: Response, state: object = {}): [EventEmitter, Response] => {
    const outgoing = Object.assign(new EventEmitter(), { writableFinished: false, headersSent: false, statusCode: 200, ...state });
    const incoming = Object.assign(new EventEmitter(), { httpVersion: "1.1", socket: { remoteAddress: "192.0.2.1" } });
    return [outgoing, traceRequests((_request: Request, _env: object) => response)(request(), { incoming, outgoing })];
  };

  it("leaves no status if it closes before its headers were sent", async () => {
    const [outgoing] = answer(new Response("text"));
    expect(telemetry.own()).toEqual([]);
    outgoing.emit("close");
    const { "http.response.status_code": _, ...attributes } = webSpan(known).attributes;
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([{ ...webSpan(), attributes }]);
  });

  it("leaves the error of the source on the span if the server ends it normally", async () => {
    const [outgoing, response] = answer(new Response(streamFrom(parts(undefined, new RangeError("source")))));
    await expect(response.body?.pipeTo(new WritableStream())).rejects.toThrow("source");
    Object.assign(outgoing, { headersSent: true, writableFinished: true }).emit("finish");
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan({ ...known, "error.type": "RangeError" }, FAILED)]);
  });

  it.each<[string, object]>([
    ["HTTP/1.1", { destroyed: true }],
    ["HTTP/2", { stream: { destroyed: true } }],
    ["either, because it is finished", { writableFinished: true }],
  ])("is not followed if it is closed already, over %s", async (_, state) => {
    answer(new Response("text"), state);
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan(known)]);
  });
});

it("ends the span of a WebSocket upgrade by @hono/node-server when the handler returns", async () => {
  const incoming = { httpVersion: "1.1", socket: { remoteAddress: "192.0.2.1", remotePort: 4711 } };
  traceRequests((_request: Request, _env: object) => new Response())(request(), { incoming, outgoing: undefined });
  const peer = { "client.address": "192.0.2.1", "network.peer.address": "192.0.2.1", "network.peer.port": 4711 };
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan({ ...peer, "network.protocol.version": "1.1" })]);
});
