import { once } from "node:events";
import { connect } from "node:net";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import fastify from "fastify";
import type { FastifyReply, FastifyServerOptions } from "fastify";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceRequests } from "../../src/server/fastify.ts";
import type { FastifyOptions } from "../../src/server/fastify.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, getAttributes, send, sendRaw } from "./client.ts";
import { listenTo, startApp } from "./fastify-app.ts";
import type { TestApp } from "./fastify-app.ts";

let telemetry: TestTelemetry;
let server: TestApp;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

const UNDECODABLE = "/items/%E0%A4%A";

async function start(options: FastifyOptions = {}, serverOptions: FastifyServerOptions = {}): Promise<void> {
  server = await startApp((app) => app.get("/items/:id", async () => "ok"), options, serverOptions);
}

const request = (path: string, headers = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n${headers}Connection: close\r\n\r\n`;

describe("a request that fastify refuses before it runs hooks", () => {
  it("has a SERVER span if its URL cannot be decoded", async () => {
    await start();
    const answer = await sendRaw(server.port, request(UNDECODABLE, `traceparent: ${TRACEPARENT}\r\n`));
    expect(answer).toContain("FST_ERR_BAD_URL");
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(span && shapeOf(span)).toEqual({
      name: "GET",
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: getAttributes(server.port, UNDECODABLE, { "http.response.status_code": 400 }),
      events: [],
    });
  });

  it("has a SERVER span if a parameter is too long", async () => {
    await start({}, { routerOptions: { maxParamLength: 10 } });
    const { status } = await send(`${server.url}/items/${"a".repeat(11)}`);
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["http.response.status_code"]).toBe(status);
  });

  it("has a SERVER span if the application responds with `frameworkErrors`", async () => {
    await start({}, { frameworkErrors: (error, _, reply) => void (reply as FastifyReply).code(422).send(error.code) });
    await sendRaw(server.port, request(UNDECODABLE));
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["http.response.status_code"]).toBe(422);
  });

  it("has a SERVER span at every address of localhost", async () => {
    const app = fastify({ forceCloseConnections: true });
    app.register(traceRequests);
    await app.listen({ port: 0, host: "localhost" });
    const addresses = app.addresses() as AddressInfo[];
    const port = addresses[0]?.port ?? 0;
    server = { app, port, url: `http://localhost:${port}`, close: () => app.close() };
    for (const { address } of addresses) {
      const socket = connect(port, address);
      socket.write(request(UNDECODABLE));
      // oxlint-disable-next-line no-await-in-loop -- one address after the other
      await once(socket.resume(), "close");
    }
    const spans = await telemetry.ended(addresses.length);
    expect(spans.every(({ attributes }) => attributes["http.response.status_code"] === 400)).toBe(true);
  });

  it("does not call functions of the application that expect a FastifyRequest", async () => {
    const called = vi.fn<() => never>();
    await start({ ignoreRequestHook: called, requestHook: called, responseHook: called, incoming: called });
    await sendRaw(server.port, request(UNDECODABLE, `traceparent: ${TRACEPARENT}\r\n`));
    const [span] = await telemetry.ended(1);
    expect(called).not.toHaveBeenCalled();
    expect(span?.parentSpanContext).toBeUndefined();
  });

  it("has no span if the plugin is registered on a child instance", async () => {
    const app = fastify({ forceCloseConnections: true });
    app.register(async (child) => {
      child.register(traceRequests);
      child.get("/child", async () => "ok");
    });
    app.get("/root", (_, reply) => reply.send("ok"));
    server = await listenTo(app);
    await sendRaw(server.port, request(UNDECODABLE));
    await send(`${server.url}/root`);
    await send(`${server.url}/child`);
    const [span] = await telemetry.ended(1);
    expect(span?.name).toBe("GET /child");
  });
});

it("starts no span for a request that `ignoreRequestHook` ignores and whose handler responds at once", async () => {
  await start({ ignoreRequestHook: () => true });
  server.app.server.on("request", () => {});
  expect((await send(`${server.url}/items/1`)).status).toBe(200);
  expect(telemetry.started()).toBe(0);
});

describe("FST_ERR_REP_INVALID_PAYLOAD_TYPE", () => {
  it("is thrown by reply.send() into the handler, as without the plugin", async () => {
    let thrown: unknown;
    server = await startApp((app) => {
      app.get("/", (_, reply) => {
        try {
          reply.header("content-type", "text/html").send({ not: "a text" });
        } catch (error) {
          thrown = error;
          reply.send("caught");
        }
      });
    });
    const { body } = await send(server.url);
    expect(thrown).toMatchObject({ code: "FST_ERR_REP_INVALID_PAYLOAD_TYPE" });
    expect(body).toBe("caught");
    await telemetry.ended(1);
  });
});
