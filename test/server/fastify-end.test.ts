import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { ReadableStream as WebStream } from "node:stream/web";
import { setTimeout as sleep } from "node:timers/promises";
import { SpanStatusCode, trace } from "@opentelemetry/api";
import type { FastifyInstance, FastifyReply } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { send, sendRaw } from "./client.ts";
import { failure, getSpan, parts, startApp, unanswered } from "./fastify-app.ts";
import type { TestApp } from "./fastify-app.ts";

let telemetry: TestTelemetry;
let server: TestApp;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.settled();
  await telemetry.stop();
});

const start = async (routes: (app: FastifyInstance) => unknown, serverOptions = {}): Promise<void> =>
  void (server = await startApp(routes, {}, serverOptions));

/** Asks for an answer, and hangs up when its first bytes are here (or after a while, where none come). */
async function hangUp(): Promise<void> {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
  await Promise.race([once(socket, "data"), sleep(50)]);
  socket.destroy();
}

async function onlySpan(): Promise<SpanShape> {
  const [span] = await telemetry.ended(1);
  if (span === undefined) throw new Error("no span");
  return shapeOf(span);
}

const whole = (more: Partial<SpanShape> = {}): SpanShape => getSpan(server, "/", more);

const webStream = (count: number, error?: Error): ReadableStream =>
  WebStream.from(bytes(parts(count, error))) as unknown as ReadableStream;
async function* bytes(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield new TextEncoder().encode(text);
}

const ANSWERS: [string, (reply: FastifyReply, count: number, error?: Error) => unknown][] = [
  ["a stream", (reply, ...source) => reply.send(Readable.from(parts(...source)))],
  ["a stream that has a body", (reply, ...source) => reply.send(Object.assign(Readable.from(parts(...source)), { body: {} }))],
  ["a web stream", (reply, ...source) => reply.send(webStream(...source))],
  ["a Response", (reply, ...source) => reply.send(new Response(webStream(...source)))],
];

describe("the end of a response", () => {
  test.each(ANSWERS)("%s: the span lasts to the last part, and ends once", async (_, answer) => {
    await start((app) => app.get("/", (_request, reply) => answer(reply, 4)));
    expect((await send(server.url)).body).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n");
    expect(await onlySpan()).toEqual(whole());
    const [seconds = 0, nanoseconds = 0] = telemetry.own()[0]?.duration ?? [];
    expect(seconds * 1000 + nanoseconds / 1e6).toBeGreaterThan(35);
  });

  test.each<[string, (reply: FastifyReply) => unknown]>([
    ["a hijacked reply", (reply) => Readable.from(parts(3)).pipe(reply.hijack().raw)],
    [
      "the raw response, its headers too",
      (reply) => {
        reply.raw.writeHead(200, { "content-type": "text/event-stream" });
        Readable.from(parts(3)).pipe(reply.raw);
      },
    ],
  ])("%s", async (_, answer) => {
    await start((app) => app.get("/", (_request, reply) => void answer(reply)));
    expect((await send(server.url)).body).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\n");
    expect(await onlySpan()).toEqual(whole());
  });

  test("204, 304 and HEAD end like others", async () => {
    await start((app) =>
      app.get("/:status", (request, reply) => reply.code(Number((request.params as { status: string }).status)).send()),
    );
    await send(`${server.url}/204`);
    await send(`${server.url}/304`);
    await send(`${server.url}/200`, { method: "HEAD" });
    const spans = await telemetry.ended(3);
    expect(spans.map((span) => [span.name, span.attributes["http.response.status_code"]])).toEqual([
      ["GET /:status", 204],
      ["GET /:status", 304],
      ["HEAD /:status", 200],
    ]);
  });

  test("a listener of the end and an onResponse hook still find the span open", async () => {
    await start((app) => {
      app.addHook("onResponse", (_request, _reply, done) => {
        trace.getActiveSpan()?.setAttribute("by.hook", true);
        done();
      });
      app.get("/", (_, reply) => {
        reply.raw.on("finish", () => trace.getActiveSpan()?.setAttribute("by.listener", true));
        reply.send("ok");
      });
    });
    await send(server.url);
    expect(await onlySpan()).toEqual(whole({ attributes: { "by.hook": true, "by.listener": true } }));
  });
});

describe("a client that hangs up is no error", () => {
  test.each([
    ...ANSWERS,
    ["a hijacked reply", (reply: FastifyReply) => void Readable.from(parts(1000)).pipe(reply.hijack().raw)] as const,
  ])("in mid-stream: %s", async (_, answer) => {
    await start((app) => app.get("/", (_request, reply) => void answer(reply, 1000)));
    await hangUp();
    expect(await onlySpan()).toEqual(whole());
  });

  test.each<[string, (source: Readable, error: Error, reply: FastifyReply) => void]>([
    ["by the application's hand", (source, error, reply) => void reply.raw.on("close", () => source.destroy(error))],
    ["by fastify's", (source, error) => void (source.destroy = () => Readable.prototype.destroy.call(source, error))],
    ["by itself, a moment later", (source, error) => void setTimeout(() => source.destroy(error), 80)],
  ])("even if the source then fails %s", async (_, prepare) => {
    await start((app) =>
      app.get("/", (_request, reply) => {
        const source = Readable.from(parts(1000));
        prepare(source, new TypeError("nobody reads"), reply);
        return reply.send(source);
      }),
    );
    await hangUp();
    expect(await onlySpan()).toEqual(whole());
    await sleep(60);
    expect(telemetry.own()).toHaveLength(1);
  });

  test("before the headers: no status is told, for none was sent, and the handler's late answer changes nothing", async () => {
    let late: FastifyReply | undefined;
    const aborted: string[] = [];
    await start((app) => {
      app.addHook("onRequestAbort", async (request) => void aborted.push(request.url));
      app.get("/", (_, reply) => void (late = reply));
    });
    await hangUp();
    expect(await onlySpan()).toEqual(unanswered(whole()));
    late?.code(500).send("too late");
    await sleep(20);
    expect(aborted).toEqual(["/"]);
    expect((await onlySpan()).status).toBe(SpanStatusCode.UNSET);
  });
});

describe("a response that breaks off for a reason of the server's", () => {
  test.each(ANSWERS)("%s whose source fails: the span has its error", async (_, answer) => {
    await start((app) => app.get("/", (_request, reply) => answer(reply, 2, new RangeError("source"))));
    await expect(send(server.url)).rejects.toThrow("aborted");
    expect(await onlySpan()).toEqual(whole(failure("RangeError")));
    expect(telemetry.own()[0]?.events[0]?.attributes?.["exception.message"]).toBe("source");
  });

  test("a source that somebody has cancelled is none", async () => {
    const cancel = new DOMException("stopped", "AbortError");
    await start((app) => app.get("/", (_request, reply) => reply.send(Readable.from(parts(2, cancel)))));
    await expect(send(server.url)).rejects.toThrow("aborted");
    expect(await onlySpan()).toEqual(whole());
  });

  test("a source that fails before its first part becomes a 500 like any error", async () => {
    await start((app) => app.get("/", (_request, reply) => reply.send(Readable.from(parts(0, new RangeError("source"))))));
    expect((await send(server.url)).status).toBe(500);
    expect(await onlySpan()).toEqual(whole(failure("500", { "http.response.status_code": 500 })));
  });

  test("reply.raw.destroy(error)", async () => {
    await start((app) =>
      app.get("/", (_, reply) => {
        reply.hijack().raw.write("a");
        setTimeout(() => reply.raw.destroy(new RangeError("gone")), 10);
      }),
    );
    await expect(send(server.url)).rejects.toThrow("aborted");
    expect(await onlySpan()).toEqual(whole(failure("RangeError")));
  });

  test("the handler that is too slow for handlerTimeout: a 503", async () => {
    await start((app) => app.get("/", { handlerTimeout: 20 }, () => new Promise(() => {})));
    expect((await send(server.url)).status).toBe(503);
    expect(await onlySpan()).toEqual(whole(failure("503", { "http.response.status_code": 503 })));
  });

  test("the handler that is too slow for connectionTimeout; onTimeout hooks run as ever", async () => {
    const timedOut: string[] = [];
    const routes = (app: FastifyInstance): void => {
      app.addHook("onTimeout", async (request) => void timedOut.push(request.url));
      app.get("/", () => new Promise(() => {}));
    };
    await start(routes, { connectionTimeout: 50 });
    await expect(send(server.url)).rejects.toThrow("socket hang up");
    expect(await onlySpan()).toEqual(unanswered(whole(failure("TimeoutError"))));
    expect(timedOut).toEqual(["/"]);
  });

  test("but a timeout that the application takes care of is no end, and what comes then is what it is", async () => {
    await start((app) => app.get("/", (_, reply) => void reply.raw.on("timeout", () => {})), { connectionTimeout: 40 });
    const socket = connect(server.port, "127.0.0.1").on("error", () => {});
    socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
    setTimeout(() => socket.destroy(), 80);
    expect(await onlySpan()).toEqual(unanswered(whole()));
  });

  test("but a client that is too slow for connectionTimeout, with its body or with ours, is its own fault", async () => {
    const large = Buffer.alloc(50_000_000);
    const routes = (app: FastifyInstance): void => void app.post("/", async () => "ok").get("/", (_, reply) => reply.send(large));
    await start(routes, { connectionTimeout: 100 });
    await sendRaw(server.port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nabc");
    const socket = connect(server.port, "127.0.0.1").on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const spans = await telemetry.ended(2);
    socket.destroy();
    expect(spans.map((span) => [span.name, span.status.code])).toEqual([
      ["POST /", SpanStatusCode.UNSET],
      ["GET /", SpanStatusCode.UNSET],
    ]);
  });
});
