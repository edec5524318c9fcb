import http, { createServer } from "node:http";
import https from "node:https";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { context, trace } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Agent, Client, Pool, ProxyAgent, interceptors, request as undiciRequest } from "undici";
import { instrumentNode } from "../../src/node.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { getSpan, inSpan, shapeOf, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { httpGet } from "./clients.ts";

// A cipher that needs no certificate, so that the repository contains no key.
const TLS = { ciphers: "AECDH-AES256-SHA:@SECLEVEL=0", maxVersion: "TLSv1.2", rejectUnauthorized: false } as const;

let busy = 0;
let server: TestServer;
const folder = mkdtempSync(join(tmpdir(), "a2a-otel-node-"));
const socketPath = process.platform === "win32" ? String.raw`\\.\pipe\a2a-otel-node` : join(folder, "socket");
const received: http.IncomingHttpHeaders[] = [];
const answer: http.RequestListener = (request, response) => {
  received.push(request.headers);
  response.end("hello");
};
const socketServer = createServer(answer);
const tlsServer = https.createServer(TLS, answer);
const tunnelled: http.IncomingHttpHeaders[] = [];
const proxy = createServer(answer).on("connect", (request: http.IncomingMessage, socket: Socket) => {
  tunnelled.push(request.headers);
  const [host = "", port] = request.url!.split(":");
  const target = connect(Number(port), host, () => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    target.pipe(socket).pipe(target);
  });
  for (const end of [socket, target]) end.on("error", () => {});
});
const portOf = (listening: { address(): unknown }): number => (listening.address() as AddressInfo).port;

beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/busy": (_, response) => void (busy-- > 0 ? response.writeHead(503).end("busy") : response.end("hello")),
  });
  await Promise.all([
    new Promise<void>((resolve) => socketServer.listen(socketPath, resolve)),
    new Promise<void>((resolve) => tlsServer.listen(0, "127.0.0.1", resolve)),
    new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve)),
  ]);
});
afterAll(async () => {
  await server.close();
  for (const one of [socketServer, tlsServer, proxy]) one.close();
  for (const one of [socketServer, tlsServer, proxy]) one.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

let telemetry: TestTelemetry;
let undo: () => void;
beforeEach(() => {
  telemetry = startTelemetry();
  undo = instrumentNode();
  received.length = 0;
  tunnelled.length = 0;
  server.requests.length = 0;
});
afterEach(async () => {
  undo();
  await telemetry.stop();
});

it("a request of node:https has the URL and the peer of the connection", async () => {
  const url = `https://127.0.0.1:${portOf(tlsServer)}/ok?a=1`;
  await new Promise<void>((resolve) => https.get(url, TLS, (response) => response.resume().on("end", resolve)));
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual(getSpan({ url: new URL(url).origin, port: portOf(tlsServer) }, "/ok?a=1"));
  expect(received[0]).toMatchObject({ traceparent: traceparentOf(span!) });
});

it.each<[string, () => Promise<unknown>]>([
  ["node:http", () => httpGet("http://localhost/ok", { socketPath })],
  [
    "undici",
    async () => (await new Client("http://localhost", { socketPath }).request({ path: "/ok", method: "GET" })).body.text(),
  ],
])("a request of %s to a UNIX socket has the host of its URL", async (_, get) => {
  await get();
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!).attributes).toMatchObject({ "server.address": "localhost", "url.full": "http://localhost/ok" });
  expect(received[0]).toMatchObject({ traceparent: traceparentOf(span!) });
});

it.each([
  [{}, "/ok", "/ok"],
  [{ headers: { host: "agents.example" } }, "/ok", "/ok"],
  [{ setHost: false, headers: { host: "agents.example:1" } }, "/ok", "/ok"],
  [{ agent: false as const }, "/ok?x=1", "/ok?x=1"],
  [{ agent: new http.Agent({ keepAlive: true }) }, "/ok", "/ok"],
  [{ createConnection: () => connect(server.port, "127.0.0.1") }, "/ok", "/ok"],
])("a request of node:http with the options %j goes to the URL that its span has", async (options, path, recorded) => {
  await httpGet(server.url + path, options);
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual(getSpan(server, recorded));
});

it("a request to an address of IPv6 has brackets in its URL alone", async () => {
  await httpGet("http://[::1]:1/ok").catch(() => {});
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!).attributes).toMatchObject({ "server.address": "::1", "url.full": "http://[::1]:1/ok" });
});

it("a request through a proxy of node:http has the URL of its target", async () => {
  await httpGet(`http://127.0.0.1:${portOf(proxy)}`, { path: "http://agents.example/ok" });
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!).attributes).toMatchObject({ "url.full": "http://agents.example/ok" });
});

describe("the CONNECT request of a tunnel has neither a span nor trace context", () => {
  it("of undici's ProxyAgent", async () => {
    const dispatcher = new ProxyAgent({ uri: `http://127.0.0.1:${portOf(proxy)}`, proxyTunnel: true });
    await (await undiciRequest(`${server.url}/ok`, { dispatcher })).body.text();
    await dispatcher.close();
    const [span] = await telemetry.ended(1);
    expect(shapeOf(span!).attributes).toMatchObject({ "url.full": `${server.url}/ok` });
    expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
    expect(tunnelled.map((headers) => headers["traceparent"])).toEqual([undefined]);
  });

  it("of node:http", async () => {
    const path = `127.0.0.1:${server.port}`;
    const tunnel = http.request({ port: portOf(proxy), method: "CONNECT", path }).end();
    const socket = await new Promise<Socket>((resolve) => tunnel.on("connect", (_, connected: Socket) => resolve(connected)));
    await httpGet(`${server.url}/ok`, { createConnection: () => socket });
    await telemetry.ended(1);
    expect(tunnelled.map((headers) => headers["traceparent"])).toEqual([undefined]);
  });
});

describe("a request that is made on a connection which another call has opened is under its own caller's span", () => {
  /** Makes three requests at once, under a span each. Returns whether each request's span is below another one of them. */
  async function haveOwnParents(send: () => Promise<unknown>): Promise<boolean> {
    const callers = new Set<string | undefined>();
    await Promise.all(
      Array.from({ length: 3 }, (_, i) =>
        inSpan(`caller ${i}`, async () => {
          callers.add(trace.getSpan(context.active())?.spanContext().spanId);
          await send();
        }),
      ),
    );
    for (const { parentSpanContext } of await telemetry.ended(3)) callers.delete(parentSpanContext?.spanId);
    return callers.size === 0;
  }

  it("with an agent of node:http that queues requests", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    expect(await haveOwnParents(() => httpGet(`${server.url}/ok`, { agent }))).toBe(true);
    agent.destroy();
  });

  it("with a pool of undici that queues requests", async () => {
    const pool = new Pool(server.url, { connections: 1 });
    const send = async (): Promise<string> => (await pool.request({ path: "/ok", method: "GET" })).body.text();
    expect(await haveOwnParents(send)).toBe(true);
    await pool.close();
  });

  it("with the retries of undici, which are attempts of their request", async () => {
    const dispatcher = new Agent({ connections: 1 }).compose(
      interceptors.redirect({ maxRedirections: 2 }),
      interceptors.retry({ minTimeout: 1, maxTimeout: 2 }),
    );
    const get = async (path: string): Promise<string> =>
      (await dispatcher.request({ origin: server.url, path, method: "GET" })).body.text();
    await inSpan("earlier", () => get("/ok"));
    telemetry.reset();
    busy = 1;
    await inSpan("later", () => get("/busy"));
    const [first, second] = await telemetry.ended(2);
    expect(shapeOf(first!)).toMatchObject({ attributes: { "http.response.status_code": 503 } });
    expect(shapeOf(second!)).toMatchObject({ attributes: { "http.request.resend_count": 1, "http.response.status_code": 200 } });
    await telemetry.settled();
    const later = telemetry.spans().find(({ name }) => name === "later");
    expect([first!, second!].map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
      Array.from({ length: 2 }, () => later!.spanContext().spanId),
    );
  });
});
