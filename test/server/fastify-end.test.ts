import { connect } from "node:net";
import { Readable } from "node:stream";
import { ReadableStream as WebStream } from "node:stream/web";
import { setTimeout as sleep } from "node:timers/promises";
import { SpanStatusCode, trace } from "@opentelemetry/api";
import type { FastifyInstance, FastifyReply } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { send, sendAndClose, sendRaw } from "./client.ts";
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
  it.each(ANSWERS)("ends the span once, after the last part: %s", async (_, answer) => {
    await start((app) => app.get("/", (_request, reply) => answer(reply, 4)));
    expect((await send(server.url)).body).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n");
    expect(await onlySpan()).toEqual(whole());
    const [seconds = 0, nanoseconds = 0] = telemetry.own()[0]?.duration ?? [];
    expect(seconds * 1000 + nanoseconds / 1e6).toBeGreaterThan(35);
  });

  it.each<[string, (reply: FastifyReply) => unknown]>([
    ["a hijacked reply", (reply) => Readable.from(parts(3)).pipe(reply.hijack().raw)],
    [
      "the raw response, headers included",
      (reply) => {
        reply.raw.writeHead(200, { "content-type": "text/event-stream" });
        Readable.from(parts(3)).pipe(reply.raw);
      },
    ],
  ])("ends the span after the last part: %s", async (_, answer) => {
    await start((app) => app.get("/", (_request, reply) => void answer(reply)));
    expect((await send(server.url)).body).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\n");
    expect(await onlySpan()).toEqual(whole());
  });

  it("ends the span for 204, 304 and HEAD too", async () => {
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

  it('keeps the span open for listeners of "finish" and for onResponse hooks', async () => {
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

describe("a client that closes the connection", () => {
  it.each([
    ...ANSWERS,
    ["a hijacked reply", (reply: FastifyReply) => void Readable.from(parts(1000)).pipe(reply.hijack().raw)] as const,
  ])("is not an error in the middle of the response: %s", async (_, answer) => {
    await start((app) => app.get("/", (_request, reply) => void answer(reply, 1000)));
    await sendAndClose(server.port);
    expect(await onlySpan()).toEqual(whole());
  });

  it.each<[string, (source: Readable, error: Error, reply: FastifyReply) => void]>([
    ["the application", (source, error, reply) => void reply.raw.on("close", () => source.destroy(error))],
    ["fastify", (source, error) => void (source.destroy = () => Readable.prototype.destroy.call(source, error))],
    ["itself, a moment later", (source, error, { raw }) => void raw.on("close", () => setTimeout(() => source.destroy(error), 10))],
  ])("is not an error if the source is then destroyed with an error by %s", async (_, prepare) => {
    await start((app) =>
      app.get("/", (_request, reply) => {
        const source = Readable.from(parts(1000));
        prepare(source, new TypeError("not read"), reply);
        return reply.send(source);
      }),
    );
    await sendAndClose(server.port);
    expect(await onlySpan()).toEqual(whole());
    await sleep(60);
    expect(telemetry.own()).toHaveLength(1);
  });

  it("before the headers leaves no status, whatever the handler sends later", async () => {
    let late: FastifyReply | undefined;
    const aborted: string[] = [];
    await start((app) => {
      app.addHook("onRequestAbort", async (request) => void aborted.push(request.url));
      app.get("/", (_, reply) => void (late = reply));
    });
    await sendAndClose(server.port, { isReady: () => late !== undefined });
    expect(await onlySpan()).toEqual(unanswered(whole()));
    late?.code(500).send("too late");
    await sleep(20);
    expect(aborted).toEqual(["/"]);
    expect((await onlySpan()).status).toBe(SpanStatusCode.UNSET);
  });
});

describe("a response that the server breaks off", () => {
  it.each(ANSWERS)("records the error of the source: %s", async (_, answer) => {
    await start((app) => app.get("/", (_request, reply) => answer(reply, 2, new RangeError("source"))));
    await expect(send(server.url)).rejects.toThrow("aborted");
    expect(await onlySpan()).toEqual(whole(failure("RangeError")));
    expect(telemetry.own()[0]?.events[0]?.attributes?.["exception.message"]).toBe("source");
  });

  it("records no error for a source that was cancelled", async () => {
    const cancel = new DOMException("stopped", "AbortError");
    await start((app) => app.get("/", (_request, reply) => reply.send(Readable.from(parts(2, cancel)))));
    await expect(send(server.url)).rejects.toThrow("aborted");
    expect(await onlySpan()).toEqual(whole());
  });

  it("is a 500 if the source fails before its first part", async () => {
    await start((app) => app.get("/", (_request, reply) => reply.send(Readable.from(parts(0, new RangeError("source"))))));
    expect((await send(server.url)).status).toBe(500);
    expect(await onlySpan()).toEqual(whole(failure("500", { "http.response.status_code": 500 })));
  });

  it("records the error of reply.raw.destroy(error)", async () => {
    await start((app) =>
      app.get("/", (_, reply) => {
        reply.hijack().raw.write("a");
        setTimeout(() => reply.raw.destroy(new RangeError("gone")), 10);
      }),
    );
    await expect(send(server.url)).rejects.toThrow("aborted");
    expect(await onlySpan()).toEqual(whole(failure("RangeError")));
  });

  it("is a 503 if the handler exceeds handlerTimeout", async () => {
    await start((app) => app.get("/", { handlerTimeout: 20 }, () => new Promise(() => {})));
    expect((await send(server.url)).status).toBe(503);
    expect(await onlySpan()).toEqual(whole(failure("503", { "http.response.status_code": 503 })));
  });

  it("records an error if the handler exceeds connectionTimeout, and runs onTimeout hooks", async () => {
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

  it("does not end at a timeout that the application handles", async () => {
    await start((app) => app.get("/", (_, reply) => void reply.raw.on("timeout", () => {})), { connectionTimeout: 40 });
    const socket = connect(server.port, "127.0.0.1").on("error", () => {});
    socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
    setTimeout(() => socket.destroy(), 80);
    expect(await onlySpan()).toEqual(unanswered(whole()));
  });

  it("records no error if the client exceeds connectionTimeout, while sending or receiving", async () => {
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
