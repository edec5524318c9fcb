import { once } from "node:events";
import { createRequire } from "node:module";
import http2 from "node:http2";
import type { ServerHttp2Stream } from "node:http2";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import got from "got";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { wrapGot } from "../../src/got.ts";
import { cancelled, failed, onlyOutcome, succeeded } from "../support/outcome.ts";
import type { Outcome } from "../support/outcome.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";

// A cipher that needs no certificate, so that the repository contains no key.
const TLS = { ciphers: "AECDH-AES256-SHA:@SECLEVEL=0", maxVersion: "TLSv1.2", rejectUnauthorized: false } as const;

const telemetry = startTelemetry();
const foreign = new HttpInstrumentation();
let received: IncomingHttpHeaders[] = [];
const servers: (http2.Http2SecureServer | https.Server)[] = [];
let url: string;
let onlyHttp1: string;

async function listen(server: http2.Http2SecureServer | https.Server): Promise<string> {
  // The `socket` of a session is a proxy that does not allow a reset.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => void sockets.add(socket));
  server.on("request", (request: IncomingMessage, response: ServerResponse & { stream?: ServerHttp2Stream }) => {
    received.push(request.headers);
    const { stream } = response;
    if (request.url === "/ok") response.end("hello");
    else if (request.url === "/cut") {
      response.write("first");
      setTimeout(() => stream?.close(http2.constants.NGHTTP2_INTERNAL_ERROR), 30);
    } else if (request.url === "/refuse") stream?.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    else if (request.url === "/slow") response.write("first");
    else if (request.url === "/gone") for (const socket of sockets) socket.resetAndDestroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  foreign.enable();
  for (const name of ["http", "https"]) createRequire(import.meta.url)(name);
  url = await listen(http2.createSecureServer(TLS));
  onlyHttp1 = await listen(https.createServer(TLS));
});
afterAll(async () => {
  foreign.disable();
  for (const server of servers) server.close();
  await telemetry.stop();
});
beforeEach(() => {
  telemetry.reset();
  received = [];
});

const client = wrapGot(got).extend({
  http2: true,
  retry: { limit: 0 },
  https: { ciphers: TLS.ciphers, maxVersion: TLS.maxVersion, rejectUnauthorized: false },
});

const outcome = (): Promise<Outcome> => onlyOutcome(telemetry);

it("records one span for an http2 request, and sends its traceparent", async () => {
  expect((await inSpan("agent", () => client(`${url}/ok`))).body).toBe("hello");
  const [span] = await telemetry.ended(1);
  const port = Number(new URL(url).port);
  expect(shapeOf(span!)).toEqual({
    name: "GET",
    kind: SpanKind.CLIENT,
    status: SpanStatusCode.UNSET,
    attributes: {
      "http.request.method": "GET",
      "server.address": "127.0.0.1",
      "server.port": port,
      "url.full": `${url}/ok`,
      "http.response.status_code": 200,
      "network.peer.address": "127.0.0.1",
      "network.peer.port": port,
      "network.protocol.version": "2",
    },
    events: [],
  });
  expect(received.map((headers) => headers["traceparent"])).toEqual([traceparentOf(span!)]);
});

it("records one span for a server that only speaks HTTP/1.1, with instrumentation-http active too", async () => {
  expect((await inSpan("agent", () => client(`${onlyHttp1}/ok`))).body).toBe("hello");
  const [span] = await telemetry.ended(1);
  await telemetry.settled();
  expect(telemetry.spans().filter((one) => one.kind === SpanKind.CLIENT)).toEqual([span]);
  expect(span?.attributes["network.protocol.version"]).toBe("1.1");
  expect(received.map((headers) => headers["traceparent"])).toEqual([traceparentOf(span!)]);
});

it("ends the span of a stream with its last byte", async () => {
  expect(Buffer.concat((await client.stream(`${url}/ok`).toArray()) as Buffer[]).toString()).toBe("hello");
  expect(await outcome()).toEqual(succeeded());
});

const RESET = expect.stringMatching(/^(?:ECONNRESET|ERR_HTTP2_STREAM_ERROR)$/) as string;

it("records an error if the server resets a stream before it responds", async () => {
  await expect(client(`${url}/refuse`)).rejects.toThrow(/abort|NGHTTP2/);
  expect(await outcome()).toEqual(failed(RESET));
});

// Before version 16, got takes half a body for the whole.
it.skipIf(!("query" in got))("records an error if the server resets a stream in the middle of the body", async () => {
  await expect(client(`${url}/cut`)).rejects.toThrow(/abort|NGHTTP2/);
  expect(await outcome()).toEqual(failed(RESET, 200));
});

it("records an error if the connection is reset, though the session's socket then throws", async () => {
  await expect(client(`${url}/gone`)).rejects.toThrow(/aborted/);
  expect(await outcome()).toEqual(failed("ECONNRESET"));
});

it("keeps got's own timeout, and records an error for it", async () => {
  // Got 15 has another error for it.
  await expect(client(`${url}/stall`, { timeout: { request: 50 } })).rejects.toThrow(/Timeout|abort/);
  expect(await outcome()).toEqual(failed("ETIMEDOUT"));
});

it.each(["/stall", "/slow"])("records no error if the application aborts at %s", async (path) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  await expect(client(url + path, { signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
  expect(await outcome()).toEqual(cancelled(path === "/slow" ? 200 : undefined));
});

it("records no error if the application destroys a stream", async () => {
  const stream = client.stream(`${url}/slow`).resume();
  await once(stream, "response");
  stream.destroy();
  expect(await outcome()).toEqual(cancelled(200));
});
