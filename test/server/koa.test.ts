import { createServer as createHttp2Server, connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Router } from "@koa/router";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import Koa from "koa";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceRequests } from "../../src/server/koa.ts";
import type { KoaOptions } from "../../src/server/koa.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send, sendAndClose, sendRaw } from "./client.ts";

let telemetry: TestTelemetry;
let server: TestServer;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

/** A traced application whose errors are passed to `onError` instead of being logged. */
async function start(
  configure: (app: Koa, router: Router) => unknown,
  options: KoaOptions = {},
  onError: (error: unknown) => void = () => {},
): Promise<void> {
  const app = new Koa();
  const router = new Router();
  app.on("error", onError);
  app.use(traceRequests(options));
  await configure(app, router);
  app.use(router.routes()).use(router.allowedMethods());
  server = await listen(app.callback());
}

async function onlySpan(): Promise<SpanShape> {
  const [span] = await telemetry.ended(1);
  if (span === undefined) throw new Error("no span");
  return shapeOf(span);
}

/** The span of a GET whose path equals its route. */
const getSpan = (path: string, more: Partial<SpanShape> = {}): SpanShape => ({
  name: `GET ${path}`,
  kind: SpanKind.SERVER,
  status: SpanStatusCode.UNSET,
  events: [],
  ...more,
  attributes: getAttributes(server.port, path, { "http.route": path, ...more.attributes }),
});

const failure = (type: string, status = 200): Partial<SpanShape> => ({
  status: SpanStatusCode.ERROR,
  attributes: { "error.type": type, "http.response.status_code": status },
  events: ["exception"],
});

const traceOf = (): string | undefined => trace.getActiveSpan()?.spanContext().traceId;

async function* parts(count: number, { error, before }: { error?: Error; before?: () => void } = {}): AsyncGenerator<string> {
  for (let part = 0; part < count; part++) {
    await sleep(5); // oxlint-disable-line no-await-in-loop -- one part after another
    before?.();
    yield `data: ${part}\n\n`;
  }
  if (error !== undefined) throw error;
}

async function* bytes(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield new TextEncoder().encode(text);
}
const webStream = (texts: AsyncIterable<string>): ReadableStream =>
  new Response(Readable.toWeb(Readable.from(bytes(texts))) as ReadableStream).body as ReadableStream;

const BODIES: [string, (texts: AsyncIterable<string>) => unknown][] = [
  ["a stream of Node.js", (texts) => Readable.from(texts)],
  ["a web stream", webStream],
  ["a Response", (texts) => new Response(webStream(texts))],
];

describe("the caller's context", () => {
  it("is active in middleware, handlers, listeners and the application's error listener", async () => {
    const seen: Record<string, string | undefined> = {};
    const note = (where: string): void => void (seen[where] = traceOf());
    await start(
      (app, router) => {
        app.use(async (ctx, next) => {
          note("middleware");
          ctx.res.on("finish", () => note("finish"));
          await next().finally(() => note("after next()"));
        });
        router.get("/", async () => {
          await sleep(1);
          note("handler");
          throw new Error("to the error listener");
        });
      },
      {},
      () => note("error listener"),
    );
    await send(server.url, { headers: { traceparent: TRACEPARENT } });
    expect(new Set(Object.values(seen))).toEqual(new Set([TRACE_ID]));
    expect(Object.keys(seen)).toEqual(["middleware", "handler", "after next()", "error listener", "finish"]);
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
  });

  it.each(BODIES)("is active in the source of a body until its end: %s", async (_, body) => {
    const seen = new Set<string | undefined>();
    await start((_app, router) =>
      router.get("/", (ctx) => void (ctx.body = body(parts(4, { before: () => void seen.add(traceOf()) })))),
    );
    const { body: text } = await send(server.url, { headers: { traceparent: TRACEPARENT } });
    expect(text).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n");
    expect(seen).toEqual(new Set([TRACE_ID]));
    expect(await onlySpan()).toEqual(getSpan("/"));
  });
});

describe("the end of a response", () => {
  it("ends the span of a plain body", async () => {
    await start((_, router) => router.get("/", (ctx) => void (ctx.body = { ok: true })));
    expect((await send(server.url)).body).toBe('{"ok":true}');
    expect(await onlySpan()).toEqual(getSpan("/"));
  });

  it("ends the span when the application responds by itself with ctx.respond = false", async () => {
    await start((_, router) =>
      router.get("/", (ctx) => {
        ctx.respond = false;
        ctx.res.writeHead(202);
        Readable.from(parts(3)).pipe(ctx.res);
      }),
    );
    expect((await send(server.url)).body).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\n");
    expect(await onlySpan()).toEqual(getSpan("/", { attributes: { "http.response.status_code": 202 } }));
  });

  it("ends the span of a request that the application upgrades when the connection closes", async () => {
    await start((_, router) =>
      router.get("/", (ctx) => {
        ctx.respond = false;
        ctx.req.socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello");
      }),
    );
    const answer = await sendRaw(server.port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 101 .*hello$/s);
    const { name, status, attributes } = await onlySpan();
    expect(name).toBe("GET /");
    expect(status).toBe(SpanStatusCode.UNSET);
    expect(attributes).not.toHaveProperty("http.response.status_code");
  });

  it("follows responses of node:http2", async () => {
    const app = new Koa().use(traceRequests()).use((ctx) => void (ctx.body = Readable.from(parts(2))));
    const http2 = createHttp2Server(app.callback());
    await new Promise<void>((resolve) => http2.listen(0, "127.0.0.1", resolve));
    const { port } = http2.address() as AddressInfo;
    server = { url: "", port, close: async () => void (await new Promise((done) => http2.close(done))) } as TestServer;
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":path": "/" });
    const chunks = await stream.setEncoding("utf8").toArray();
    session.close();
    expect(chunks.join("")).toBe("data: 0\n\ndata: 1\n\n");
    expect((await onlySpan()).attributes).toMatchObject({ "http.response.status_code": 200, "network.protocol.version": "2" });
  });
});

describe("a client that closes the connection", () => {
  it.each(BODIES)("is not an error in the middle of the response: %s", async (_, body) => {
    await start((_app, router) => router.get("/", (ctx) => void (ctx.body = body(parts(1000)))));
    await sendAndClose(server.port);
    expect(await onlySpan()).toEqual(getSpan("/"));
  });

  it("leaves no status before the response", async () => {
    let isReached = false;
    await start((_, router) =>
      router.get("/", async () => {
        isReached = true;
        await new Promise(() => {});
      }),
    );
    await sendAndClose(server.port, { isReady: () => isReached });
    const { attributes, status } = await onlySpan();
    expect(status).toBe(SpanStatusCode.UNSET);
    expect(attributes).not.toHaveProperty("http.response.status_code");
  });
});

describe("an error", () => {
  it("of middleware is recorded with the response of 500", async () => {
    await start((_, router) =>
      router.get("/", () => {
        throw new TypeError("no");
      }),
    );
    expect((await send(server.url)).status).toBe(500);
    expect(await onlySpan()).toEqual(getSpan("/", failure("500", 500)));
    expect(telemetry.own()[0]?.events[0]?.attributes).toMatchObject({ "exception.type": "TypeError", "exception.message": "no" });
  });

  it("that Koa answers with a 4xx is not one of the span", async () => {
    await start((_, router) => router.get("/", (ctx) => ctx.throw(403, "no")));
    expect((await send(server.url)).body).toBe("no");
    expect(await onlySpan()).toEqual(getSpan("/", { attributes: { "http.response.status_code": 403 } }));
  });

  it("that middleware answers is not one of the span", async () => {
    await start((app, router) => {
      app.use((ctx, next) => next().catch(() => void (ctx.body = "handled")));
      router.get("/", async () => {
        throw new TypeError("no");
      });
    });
    expect((await send(server.url)).body).toBe("handled");
    expect(await onlySpan()).toEqual(getSpan("/"));
  });

  it.each(BODIES)("of the source of a body is recorded: %s", async (_, body) => {
    await start((_app, router) => router.get("/", (ctx) => void (ctx.body = body(parts(2, { error: new RangeError("source") })))));
    await expect(send(server.url)).rejects.toThrow("aborted");
    expect(await onlySpan()).toEqual(getSpan("/", failure("RangeError")));
  });

  it("after the headers is recorded if Koa leaves the response open", async () => {
    await start((_, router) =>
      router.get("/", (ctx) => {
        ctx.respond = false;
        ctx.res.writeHead(200).write("partial");
        ctx.onerror(new RangeError("source"));
      }),
    );
    await sendAndClose(server.port);
    expect(await onlySpan()).toEqual(getSpan("/", failure("RangeError")));
  });

  it("is recorded once if the middleware is added twice", async () => {
    await start((app, router) => {
      app.use(traceRequests());
      router.get("/", async () => {
        throw new TypeError("no");
      });
    });
    await send(server.url);
    expect(await onlySpan()).toEqual(getSpan("/", failure("500", 500)));
  });

  it("reaches the application as without the middleware", async () => {
    const errorsOf = async (...first: Koa.Middleware[]): Promise<string[]> => {
      const errors: string[] = [];
      const app = new Koa();
      app.on("error", ({ message }: Error) => errors.push(message));
      for (const one of first) app.use(one);
      app.use((ctx) => {
        if (ctx.path === "/throw") throw new Error("thrown");
        ctx.body = Readable.from(parts(1, { error: new Error("source") }));
      });
      await server?.close();
      server = await listen(app.callback());
      await send(`${server.url}/throw`);
      await send(`${server.url}/stream`).catch(() => {});
      return errors;
    };
    const untraced = await errorsOf();
    expect(await errorsOf(traceRequests())).toEqual(untraced);
    expect(untraced).toContain("source");
  });
});

describe("hooks", () => {
  it("receive Koa's request and response", async () => {
    const seen: unknown[] = [];
    await start((_, router) => router.get("/:id", (ctx) => void (ctx.body = "ok")), {
      requestHook: (span, request) => void span.setAttribute("by.request", request.path),
      responseHook: (_span, { request, response }) => void seen.push(request.ctx.response === response, response.status),
    });
    await send(`${server.url}/1`);
    expect((await onlySpan()).attributes).toMatchObject({ "by.request": "/1" });
    expect(seen).toEqual([true, 200]);
  });

  it("leave a request untraced if ignoreRequestHook returns true", async () => {
    const handler = vi.fn<() => void>();
    await start((app) => app.use(handler), { ignoreRequestHook: ({ path }) => path === "/health" });
    await send(`${server.url}/health`);
    expect(handler).toHaveBeenCalledTimes(1);
    expect(telemetry.started()).toBe(0);
  });

  it("are checked when the middleware is created", () => {
    expect(() => traceRequests({ requestHook: "x" } as never)).toThrow('traceRequests: option "requestHook" must be a function');
  });
});
