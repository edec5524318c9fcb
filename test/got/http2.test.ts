import { createRequire } from "node:module";
import http2 from "node:http2";
import type { ServerHttp2Stream } from "node:http2";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import got from "got";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { wrapGot } from "../../src/got.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";

// A cipher without a certificate, so that no key has to lie in the repository.
const TLS = { ciphers: "AECDH-AES256-SHA:@SECLEVEL=0", maxVersion: "TLSv1.2", rejectUnauthorized: false } as const;

const telemetry = startTelemetry();
const foreign = new HttpInstrumentation();
let received: IncomingHttpHeaders[] = [];
const servers: (http2.Http2SecureServer | https.Server)[] = [];
let url: string;
let onlyHttp1: string;

async function listen(server: http2.Http2SecureServer | https.Server): Promise<string> {
  // A session's own `socket` does not let anybody reset it.
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

const end = async (): Promise<unknown[]> => {
  const [span] = await telemetry.ended(1);
  const { status, attributes } = shapeOf(span!);
  return [SpanStatusCode[status], attributes["error.type"], attributes["http.response.status_code"]];
};

test("an http2 request is one whole span, and carries its traceparent", async () => {
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

test("a server that speaks only http/1.1 is asked under one span, beside instrumentation-http too", async () => {
  expect((await inSpan("agent", () => client(`${onlyHttp1}/ok`))).body).toBe("hello");
  const [span] = await telemetry.ended(1);
  await telemetry.settled();
  expect(telemetry.spans().filter((one) => one.kind === SpanKind.CLIENT)).toEqual([span]);
  expect(span?.attributes["network.protocol.version"]).toBe("1.1");
  expect(received.map((headers) => headers["traceparent"])).toEqual([traceparentOf(span!)]);
});

test("a stream ends its span with its last byte", async () => {
  expect(Buffer.concat((await client.stream(`${url}/ok`).toArray()) as Buffer[]).toString()).toBe("hello");
  expect(await end()).toEqual(["UNSET", undefined, 200]);
});

// Before 16 got takes the half of a body for the whole.
const RESETS: Record<string, number | undefined> =
  "query" in got ? { "/refuse": undefined, "/cut": 200 } : { "/refuse": undefined };
test.each(Object.entries(RESETS))("a stream that the server resets is an error: %s", async (path, status) => {
  await expect(client(url + path)).rejects.toThrow(/abort|NGHTTP2/);
  expect(await end()).toEqual(["ERROR", expect.stringMatching(/^(?:ECONNRESET|ERR_HTTP2_STREAM_ERROR)$/), status]);
});

test("a connection that is reset is an error, and its socket, which then throws, throws at nobody", async () => {
  await expect(client(`${url}/gone`)).rejects.toThrow(/aborted/);
  expect(await end()).toEqual(["ERROR", "ECONNRESET", undefined]);
});

test("a timeout of got's own still holds, and is an error", async () => {
  // Got 15 has another error for it.
  await expect(client(`${url}/stall`, { timeout: { request: 50 } })).rejects.toThrow(/Timeout|abort/);
  expect(await end()).toEqual(["ERROR", "ETIMEDOUT", undefined]);
});

test.each(["/stall", "/slow"])("an abort is none: %s", async (path) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  await expect(client(url + path, { signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
  expect(await end()).toEqual(["UNSET", undefined, path === "/slow" ? 200 : undefined]);
});

test("a stream that is destroyed is none", async () => {
  const stream = client.stream(`${url}/slow`).resume();
  setTimeout(() => stream.destroy(), 50);
  expect(await end()).toEqual(["UNSET", undefined, 200]);
});
