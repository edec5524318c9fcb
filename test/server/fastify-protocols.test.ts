import { once } from "node:events";
import { ServerResponse } from "node:http";
import { connect, constants } from "node:http2";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { trace } from "@opentelemetry/api";
import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../../src/server/fastify.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, sendRaw } from "./client.ts";
import { failure, getSpan, listenTo, parts, startApp, unanswered } from "./fastify-app.ts";
import type { TestApp } from "./fastify-app.ts";

let telemetry: TestTelemetry;
let server: TestApp;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.settled();
  await telemetry.stop();
});

async function onlySpan(): Promise<SpanShape> {
  const [span] = await telemetry.ended(1);
  if (span === undefined) throw new Error("no span");
  return shapeOf(span);
}

describe("fastify over HTTP/2", () => {
  async function ask(routes: (app: FastifyInstance) => unknown, cancel = false): Promise<string> {
    const app = fastify({ http2: true, http2SessionTimeout: 0 });
    app.register(traceRequests, { headersToSpanAttributes: { responseHeaders: ["x-answer"] } });
    routes(app as unknown as FastifyInstance);
    server = await listenTo(app as unknown as FastifyInstance);
    const session = connect(server.url);
    const stream = session.request({ ":path": "/items/1", traceparent: TRACEPARENT });
    let text = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    stream.on("error", () => {});
    if (cancel) {
      await once(stream, "data");
      stream.close(constants.NGHTTP2_CANCEL);
    }
    await once(stream, "close");
    session.close();
    return text;
  }
  const spanOf = (more: Partial<SpanShape> = {}): SpanShape => {
    const own = { "http.route": "/items/:id", "network.protocol.version": "2", ...more.attributes };
    return getSpan(server, "/items/1", { ...more, name: "GET /items/:id", attributes: own });
  };

  it("records a whole span in the caller's trace", async () => {
    const text = await ask((app) =>
      app.get("/items/:id", async (_, reply) => {
        await sleep(1);
        reply.header("x-answer", "42");
        return trace.getActiveSpan()?.spanContext().traceId;
      }),
    );
    expect(text).toBe(TRACE_ID);
    expect(await onlySpan()).toEqual(spanOf({ attributes: { "http.response.header.x-answer": ["42"] } }));
    expect(telemetry.own()[0]?.parentSpanContext?.spanId).toBe(SPAN_ID);
  });

  it("records no error if the client cancels the response", async () => {
    await ask((app) => app.get("/items/:id", (_, reply) => reply.send(Readable.from(parts(1000)))), true);
    expect(await onlySpan()).toEqual(spanOf());
  });

  it("records the error of a source that fails", async () => {
    await ask((app) => app.get("/items/:id", (_, reply) => reply.send(Readable.from(parts(2, new RangeError("source"))))));
    expect(await onlySpan()).toEqual(spanOf(failure("RangeError")));
  });

  it("records a 500 if the source fails before its first part", async () => {
    await ask((app) => app.get("/items/:id", (_, reply) => reply.send(Readable.from(parts(0, new RangeError("source"))))));
    expect(await onlySpan()).toEqual(spanOf(failure("500", { "http.response.status_code": 500 })));
  });
});

const UPGRADE = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

describe("an upgrade request", () => {
  it("that the application handles itself is not traced", async () => {
    server = await startApp((app) =>
      app.server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\nhello")),
    );
    expect(await sendRaw(server.port, `GET /socket HTTP/1.1\r\n${UPGRADE}`)).toContain("hello");
    expect(telemetry.started()).toBe(0);
  });

  it("that is routed, as with @fastify/websocket, is traced until its connection closes", async () => {
    const seen: (string | undefined)[] = [];
    server = await startApp((app) => {
      app.server.on("upgrade", (request, socket) => {
        const response = new ServerResponse(request);
        response.assignSocket(socket as never);
        app.routing(request, response);
      });
      app.get("/socket", (request, reply) => {
        reply.hijack();
        seen.push(trace.getActiveSpan()?.spanContext().traceId);
        request.raw.socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
        setTimeout(() => request.raw.socket.end("hello"), 30);
      });
    });
    const text = await sendRaw(server.port, `GET /socket HTTP/1.1\r\ntraceparent: ${TRACEPARENT}\r\n${UPGRADE}`);
    expect(text).toContain("hello");
    expect(seen).toEqual([TRACE_ID]);
    const attributes = { "server.address": "x", "server.port": 80 };
    expect(await onlySpan()).toEqual(unanswered(getSpan(server, "/socket", { attributes })));
  });
});
