import { once } from "node:events";
import { createServer, get } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServerOptions } from "../../src/index.ts";
import { traceRequests as traceExpress } from "../../src/server/express.ts";
import { traceRequests as traceFastify } from "../../src/server/fastify.ts";
import { traceRequests as traceKoa } from "../../src/server/koa.ts";
import { traceRequests as traceNode } from "../../src/server/node.ts";
import { traceMiddleware, traceRequests as traceWeb } from "../../src/server/web.ts";
import { recordDiagnostics } from "../support/diagnostics.ts";
import { inSpan, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

type Options = Pick<ServerOptions, "endSpanOn">;

const EVENTS = { "content-type": "text/event-stream" };
let telemetry: TestTelemetry;
let server: Server;
/** Lets the response that is open end. */
let finish: () => void;
let finished: Promise<void>;

beforeEach(() => {
  telemetry = startTelemetry();
  finished = new Promise((resolve) => void (finish = resolve));
});
afterEach(async () => {
  finish();
  server?.close();
  server?.closeAllConnections();
  await telemetry.stop();
});

async function* events(): AsyncGenerator<string> {
  yield "data: first\n\n";
  await finished;
  await inSpan("late", async () => {});
  yield "data: last\n\n";
}

function webBody(): ReadableStream<Uint8Array> {
  return Readable.toWeb(Readable.from(events())).pipeThrough(new TextEncoderStream() as never) as ReadableStream<Uint8Array>;
}

function respond(_: IncomingMessage, response: ServerResponse): void {
  for (const [name, value] of Object.entries(EVENTS)) response.setHeader(name, value);
  Readable.from(events()).pipe(response);
}

const SERVERS: Record<string, (options: Options) => RequestListener | Promise<RequestListener>> = {
  node: (options) => traceNode(respond, options as object),
  "node with writeHead()": (options) =>
    traceNode((_, response) => {
      response.writeHead(200, EVENTS).flushHeaders();
      Readable.from(events()).pipe(response);
    }, options as object),
  express: (options) =>
    express()
      .use(traceExpress(options as object))
      .get("/:id", respond),
  fastify: async (options) => {
    const app = fastify();
    app.register(traceFastify, options as object);
    app.get("/:id", (_, reply) => reply.headers(EVENTS).send(Readable.from(events())));
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  koa: (options) => {
    const app = new Koa().use(traceKoa(options as object));
    app.use((ctx) => {
      ctx.set(EVENTS);
      ctx.body = Readable.from(events());
    });
    return app.callback();
  },
  hono: (options) => {
    const app = new Hono().use(traceMiddleware(options as object));
    app.get("/:id", () => new Response(webBody(), { headers: EVENTS }));
    return getRequestListener(app.fetch);
  },
  web: (options) => getRequestListener(traceWeb(() => new Response(webBody(), { headers: EVENTS }), options as object)),
};

/** Sends a request, and returns when the first event has arrived, with a function that reads the rest. */
async function open(listener: RequestListener): Promise<() => Promise<string>> {
  server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const request = get(`http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  await once(response, "data");
  return async () => {
    if (!response.readableEnded) await once(response, "end");
    return text;
  };
}

const serverSpans = (): unknown[] => telemetry.own();

describe.each(Object.keys(SERVERS))("endSpanOn of the server %s", (name) => {
  const start = SERVERS[name] as (options: Options) => RequestListener | Promise<RequestListener>;

  it.each<[string, Options]>([
    ['is "headers"', { endSpanOn: "headers" }],
    ["is a function that returns headers", { endSpanOn: () => "headers" }],
  ])("ends the span with the headers if it %s", async (_, options) => {
    const read = await open(await start(options));
    const [span] = await telemetry.ended(1);
    expect(span?.attributes).toMatchObject({ "http.request.method": "GET", "http.response.status_code": 200 });
    finish();
    expect(await read()).toBe("data: first\n\ndata: last\n\n");
    const late = telemetry.spans().find((other) => other.name === "late");
    expect(late?.parentSpanContext?.spanId).toBe(span?.spanContext().spanId);
    expect(telemetry.own()).toHaveLength(1);
  });

  it("covers the response by default, and if the function says so, which is called once", async () => {
    const exchanges: { request: object; response: object }[] = [];
    const endSpanOn = (exchange: unknown): "response" => {
      exchanges.push(exchange as (typeof exchanges)[0]);
      return "response";
    };
    const read = await open(await start({ endSpanOn }));
    expect(serverSpans()).toEqual([]);
    finish();
    await read();
    await telemetry.ended(1);
    expect(exchanges).toHaveLength(1);
    expect(exchanges[0]?.request).toHaveProperty("method", "GET");
    expect(exchanges[0]?.response).toBeTypeOf("object");
  });

  it("covers the response if the function throws", async () => {
    const diagnostics = recordDiagnostics();
    const endSpanOn = (): never => {
      throw new Error("broken");
    };
    const read = await open(await start({ endSpanOn }));
    expect(serverSpans()).toEqual([]);
    finish();
    expect(await read()).toContain("last");
    await telemetry.ended(1);
    expect(diagnostics.messages("error").join()).toContain("endSpanOn");
  });
});

describe("endSpanOn of servers", () => {
  it("names the span of express by its route", async () => {
    await open(await SERVERS["express"]!({ endSpanOn: "headers" }));
    const [span] = await telemetry.ended(1);
    expect(span?.name).toBe("GET /:id");
  });

  it("ends the span of an HTTP/2 response with its headers", async () => {
    const h2 = createHttp2Server(
      traceNode(
        (_, response) => {
          response.write("data: first\n\n");
        },
        { endSpanOn: "headers" },
      ) as never,
    ).listen(0, "127.0.0.1");
    await once(h2, "listening");
    const session = connect(`http://127.0.0.1:${(h2.address() as AddressInfo).port}`);
    const stream = session.request({ ":path": "/" });
    await once(stream, "response");
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["http.response.status_code"]).toBe(200);
    stream.close();
    session.destroy();
    h2.close();
  });

  it("leaves the span of another instrumentation to that instrumentation", async () => {
    const read = await open(traceNode(traceNode(respond, { endSpanOn: "headers" }), { endSpanOn: "response" }));
    expect(serverSpans()).toEqual([]);
    finish();
    await read();
    await telemetry.ended(1);
  });

  it("does not call the function for requests that are not recorded", async () => {
    await telemetry.stop();
    let asked = 0;
    const read = await open(traceNode(respond, { endSpanOn: () => (asked++, "headers") }));
    finish();
    await read();
    expect(asked).toBe(0);
  });

  it("ends the span of a handler that answers an event stream off the wire", async () => {
    const handler = traceWeb(() => new Response(webBody(), { headers: EVENTS }), { endSpanOn: () => "headers" });
    const response = handler(new Request("http://agent.example/"));
    await telemetry.ended(1);
    finish();
    expect(await response.text()).toContain("last");
  });

  it("passes on what writeHead() throws", async () => {
    let thrown: unknown;
    const read = await open(
      traceNode(
        (request, response) => {
          try {
            response.writeHead(9999);
          } catch (error) {
            thrown = error;
          }
          respond(request, response);
        },
        { endSpanOn: "headers" },
      ),
    );
    await telemetry.ended(1);
    finish();
    await read();
    expect(thrown).toBeInstanceOf(RangeError);
  });
});
