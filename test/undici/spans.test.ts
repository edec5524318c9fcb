import type { Attributes } from "@opentelemetry/api";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { PassThrough, Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { traceInterceptor } from "../../src/undici.ts";
import type { Dispatcher } from "undici";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf, getSpan } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { inTurn, major, undici } from "./support.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let agent: Dispatcher;

beforeAll(
  async () =>
    void (server = await serve({
      ...ROUTES,
      "/hints": (_, response) => {
        response.writeEarlyHints({ link: "</style.css>; rel=preload" });
        response.writeHead(200, { "x-answer": "42", "set-cookie": ["a=1", "b=2"] }).end("hello");
      },
    })),
);
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  agent = new undici.Agent().compose(traceInterceptor());
});
afterEach(async () => {
  await agent.close();
  await telemetry.stop();
});

const expected = (path: string, changes: Attributes = {}): SpanShape => getSpan(server, path, changes);

test("a request is one CLIENT span under the active span, and carries its traceparent", async () => {
  await inSpan("agent", async () => {
    const { body } = await agent.request({ origin: server.url, path: "/ok?a=1", method: "GET" });
    expect(await body.text()).toBe("hello");
  });
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual(expected("/ok?a=1"));
  expect(span!.parentSpanContext?.spanId).toBe(telemetry.spans().at(-1)?.spanContext().spanId);
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
});

test.runIf(major >= 8)("HTTP/2: the protocol's version is 2, on a connection that is used again too", async () => {
  const http2 = createHttp2Server((_, response) => void response.end("hello"));
  await new Promise<void>((resolve) => void http2.listen(0, "127.0.0.1", resolve));
  const client = new undici.H2CClient(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`);
  const traced = client.compose(traceInterceptor());
  await inTurn([1, 2], async () => (await traced.request({ path: "/", method: "GET" })).body.text());
  await client.close();
  http2.close();
  const versions = (await telemetry.ended(2)).map(({ attributes }) => attributes["network.protocol.version"]);
  expect(versions).toEqual(["2", "2"]);
});

test("a response that says 4xx or 5xx is an error", async () => {
  await (await agent.request({ origin: server.url, path: "/missing", method: "GET" })).body.dump();
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual({
    ...expected("/missing", { "http.response.status_code": 404, "error.type": "404" }),
    status: SpanStatusCode.ERROR,
  });
});

test("the span lasts until the body's last byte", async () => {
  const { body } = await agent.request({ origin: server.url, path: "/events", method: "GET" });
  expect(telemetry.own()).toHaveLength(0);
  await body.text();
  const [span] = await telemetry.ended(1);
  expect(span!.duration[1] / 1e6 + span!.duration[0] * 1e3).toBeGreaterThan(35);
});

test("endSpanOn headers: it ends before the application sees them", async () => {
  const headersOnly = new undici.Agent().compose(traceInterceptor({ endSpanOn: "headers" }));
  const { body } = await headersOnly.request({ origin: server.url, path: "/events", method: "GET" });
  expect(telemetry.own().map(shapeOf)).toEqual([expected("/events")]);
  await body.text();
  await headersOnly.close();
  await telemetry.settled();
  expect(telemetry.own()).toHaveLength(1);
});

test("query: it is in url.full as it is on the wire", async () => {
  const query = { q: "a b", list: ["1", "2"], sig: "secret" };
  await (await agent.request({ origin: server.url, path: "/ok", method: "GET", query })).body.dump();
  const [span] = await telemetry.ended(1);
  expect(server.requests.at(-1)?.url).toBe("/ok?q=a%20b&list=1&list=2&sig=secret");
  expect(span!.attributes["url.full"]).toBe(`${server.url}/ok?q=a%20b&list=1&list=2&sig=REDACTED`);
});

test("an origin may be a URL", async () => {
  await (await agent.request({ origin: new URL(server.url), path: "/ok", method: "GET" })).body.dump();
  await (await agent.request({ origin: new URL(server.url), path: "/json", method: "GET" })).body.dump();
  expect((await telemetry.ended(2)).map(shapeOf)).toEqual([expected("/ok"), expected("/json")]);
});

test("a Client, or a Pool, that is composed: its origin is known though requests do not say it", async () => {
  await inTurn([new undici.Client(server.url), new undici.Pool(server.url)], async (dispatcher) => {
    telemetry.reset();
    const client = dispatcher.compose(traceInterceptor());
    await inTurn(["/ok?a=1", "/json"], async (path) => (await client.request({ path, method: "GET" })).body.dump());
    await (await client.request({ path: "/ok", method: "GET", query: { b: 2 } })).body.dump();
    expect((await telemetry.ended(3)).map(shapeOf)).toEqual([expected("/ok?a=1"), expected("/json"), expected("/ok?b=2")]);
    await client.close();
  });
});

test("a BalancedPool that is composed: each span has the origin that was chosen for it", async () => {
  const other = await serve(ROUTES);
  const pool = new undici.BalancedPool([server.url, other.url]);
  const balanced = pool.compose(traceInterceptor());
  const paths = ["/ok?1", "/ok?2", "/ok?3", "/ok?4"];
  await inTurn(paths, async (path) => (await balanced.request({ path, method: "GET" })).body.dump());
  const own = (await telemetry.ended(4)).map((span) => [span.attributes["server.port"], span.attributes["url.full"]]);
  const received = [server, other].flatMap(({ port, url, requests }) =>
    requests.filter((request) => paths.includes(request.url)).map((request) => [port, url + request.url]),
  );
  expect(new Set(own.map(String))).toEqual(new Set(received.map(String)));
  expect(new Set(own.map(([port]) => port)).size).toBe(2);
  await pool.close();
  await other.close();
});

test("stream and pipeline", async () => {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  await agent.stream({ origin: server.url, path: "/ok", method: "GET" }, () => sink);
  expect(Buffer.concat(chunks).toString()).toBe("hello");

  const duplex = agent.pipeline({ origin: server.url, path: "/echo", method: "POST" }, ({ body }) => body);
  const echoed = text(Readable.from(["echo ", "this"]).pipe(duplex).pipe(new PassThrough()));
  expect(await echoed).toBe("echo this");
  const post = { "http.request.method": "POST" };
  expect((await telemetry.ended(2)).map(shapeOf)).toEqual([expected("/ok"), { ...expected("/echo", post), name: "POST" }]);
});

test("fetch", async () => {
  const response = await undici.fetch(`${server.url}/ok`, { dispatcher: agent });
  expect(await response.text()).toBe("hello");
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual(expected("/ok"));
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
});

test("an upgrade and a CONNECT end when the connection is handed over", async () => {
  const upgrading = createServer()
    .on("upgrade", (_, socket) =>
      socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: Websocket\r\n\r\n"),
    )
    .on("connect", (_, socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n"))
    .listen(0, "127.0.0.1");
  await new Promise((resolve) => upgrading.once("listening", resolve));
  const { port } = upgrading.address() as AddressInfo;
  const client = new undici.Client(`http://127.0.0.1:${port}`);
  const traced = client.compose(traceInterceptor());
  const { socket } = await traced.upgrade({ path: "/chat" });
  const tunnel = await traced.connect({ path: "agents.example:443" } as Dispatcher.ConnectOptions);
  const own = await telemetry.ended(2);
  const at = { "server.port": port, "network.peer.port": port };
  expect(own.map(shapeOf)).toEqual([
    expected("", { ...at, "http.response.status_code": 101, "url.full": `http://127.0.0.1:${port}/chat` }),
    {
      ...expected("", { ...at, "http.request.method": "CONNECT", "url.full": `http://127.0.0.1:${port}/agents.example:443` }),
      name: "CONNECT",
    },
  ]);
  await Promise.all([finished(socket.resume()), finished(tunnel.socket.resume())].map((end) => end.catch(() => {})));
  socket.destroy();
  tunnel.socket.destroy();
  await client.destroy();
  upgrading.close();
});

test("an upgrade that is refused is a response like any other", async () => {
  const client = new undici.Client(server.url).compose(traceInterceptor());
  await expect(client.upgrade({ path: "/missing" })).rejects.toThrow("bad upgrade");
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual({
    ...expected("/missing", { "http.response.status_code": 404, "error.type": "404" }),
    status: SpanStatusCode.ERROR,
  });
  await client.destroy();
});

test("informational responses are handed on and are not the response", async () => {
  const infos: number[] = [];
  const { statusCode, body } = await agent.request({
    origin: server.url,
    path: "/hints",
    method: "GET",
    onInfo: (info) => void infos.push(info.statusCode),
  });
  await body.dump();
  expect([infos, statusCode]).toEqual([[103], 200]);
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([expected("/hints")]);
});

test("hooks are told of the dispatched options, and of what undici tells a handler", async () => {
  const seen: unknown[] = [];
  const hooked = new undici.Agent().compose(
    traceInterceptor({
      startSpanHook: (request) => ({ "app.path": request.path }),
      urlTemplate: () => "/hints",
      requestHook: (_, request) => void seen.push(request),
      responseHook: (_, exchange) => void seen.push(exchange),
      headersToSpanAttributes: { requestHeaders: ["X-Question"], responseHeaders: ["X-Answer", "set-cookie"] },
    }),
  );
  const options = { origin: server.url, path: "/hints", method: "GET" as const, headers: { "x-question": "6*7" } };
  await (await hooked.request(options)).body.dump();
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual({
    ...expected("/hints", {
      "app.path": "/hints",
      "url.template": "/hints",
      "http.request.header.x-question": ["6*7"],
      "http.response.header.x-answer": ["42"],
      "http.response.header.set-cookie": ["REDACTED"],
    }),
    name: "GET /hints",
  });
  expect(seen).toEqual([
    options,
    {
      request: options,
      response: {
        statusCode: 200,
        headers: expect.objectContaining({ "x-answer": "42", "set-cookie": ["a=1", "b=2"] }) as unknown,
        statusMessage: "OK",
      },
    },
  ]);
  expect(options.headers).toEqual({ "x-question": "6*7" });
  await hooked.close();
});

test("a dispatcher of mocks that is composed", async () => {
  const mocks = new undici.MockAgent();
  mocks.disableNetConnect();
  mocks
    .get("http://agents.example")
    .intercept({ path: "/card", method: "GET", headers: { "x-a": "1" } })
    .reply(200, { name: "agent" });
  const traced = mocks.compose(traceInterceptor());
  const { body } = await traced.request({ origin: "http://agents.example", path: "/card", method: "GET", headers: { "x-a": "1" } });
  expect(await body.json()).toEqual({ name: "agent" });
  await expect(traced.request({ origin: "http://agents.example", path: "/other", method: "GET" })).rejects.toThrow("not matched");
  const [first, second] = await telemetry.ended(2);
  expect(shapeOf(first!).attributes).toEqual({
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "server.address": "agents.example",
    "server.port": 80,
    "url.full": "http://agents.example/card",
  });
  expect(shapeOf(second!)).toMatchObject({
    status: SpanStatusCode.ERROR,
    attributes: { "error.type": "UND_MOCK_ERR_MOCK_NOT_MATCHED" },
    events: ["exception"],
  });
  await mocks.close();
});

test("through a proxy: the span is that of the request, and CONNECT is none", async () => {
  const proxied: string[] = [];
  const proxy = createServer((request, response) => {
    proxied.push(`${request.method} ${request.url}`);
    response.end("by proxy");
  })
    .on("connect", (request, socket) => {
      proxied.push(`CONNECT ${request.url}`);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const inner = createServer((_, response) => response.end("by tunnel"));
      inner.emit("connection", socket);
    })
    .listen(0, "127.0.0.1");
  await new Promise((resolve) => proxy.once("listening", resolve));
  const { port } = proxy.address() as AddressInfo;
  const uri = `http://127.0.0.1:${port}`;
  await inTurn([new undici.ProxyAgent(uri), new undici.EnvHttpProxyAgent({ httpProxy: uri, noProxy: "" })], async (dispatcher) => {
    telemetry.reset();
    const traced = dispatcher.compose(traceInterceptor());
    const { body } = await traced.request({ origin: "http://agents.example", path: "/card", method: "GET" });
    expect(await body.text()).toMatch(/^by (?:proxy|tunnel)$/);
    const [span] = await telemetry.ended(1);
    expect(shapeOf(span!).attributes).toMatchObject({
      "server.address": "agents.example",
      "url.full": "http://agents.example/card",
      "http.response.status_code": 200,
    });
    expect(telemetry.spans()).toHaveLength(1);
    await dispatcher.destroy();
  });
  expect(proxied.length).toBeGreaterThanOrEqual(2);
  proxy.closeAllConnections();
  proxy.close();
});

test("as the global dispatcher it serves the top-level functions and the platform's fetch", async () => {
  const before = undici.getGlobalDispatcher();
  undici.setGlobalDispatcher(agent);
  try {
    await (await undici.request(`${server.url}/ok?top=1`)).body.dump();
    await (await undici.fetch(`${server.url}/ok?fetch=1`)).text();
    expect(await (await fetch(`${server.url}/ok?global=1`)).text()).toBe("hello");
  } finally {
    undici.setGlobalDispatcher(before);
  }
  const paths = ["/ok?top=1", "/ok?fetch=1", "/ok?global=1"];
  expect((await telemetry.ended(3)).map(shapeOf)).toEqual(paths.map((path) => expected(path)));
});

test.skipIf(major < 7)("a cached response is no request, a fresh one has its span", async () => {
  const caching = new undici.Agent().compose(traceInterceptor(), undici.interceptors.cache());
  const cached = await serve({ "*": (_, response) => void response.setHeader("cache-control", "max-age=60").end("keep") });
  await inTurn([1, 2, 3], async () => {
    const { body } = await caching.request({ origin: cached.url, path: "/", method: "GET" });
    expect(await body.text()).toBe("keep");
  });
  expect(cached.requests).toHaveLength(1);
  await telemetry.ended(1);
  await caching.close();
  await cached.close();
});

test.skipIf(major < 7)("with dns beneath, the span has the host's name", async () => {
  const named = new undici.Agent().compose(
    undici.interceptors.dns({ lookup: (_, __, done) => done(null, [{ address: "127.0.0.1", family: 4, ttl: 1000 }]) }),
    traceInterceptor(),
  );
  const { body } = await named.request({ origin: `http://agents.example:${server.port}`, path: "/ok", method: "GET" });
  expect(await body.text()).toBe("hello");
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual(
    expected("/ok", { "server.address": "agents.example", "url.full": `http://agents.example:${server.port}/ok` }),
  );
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
  await named.close();
});

test("dump: the body is thrown away, the span is that of the whole exchange", async () => {
  const dumping = new undici.Agent().compose(traceInterceptor(), undici.interceptors.dump());
  const { body } = await dumping.request({ origin: server.url, path: "/ok", method: "GET" });
  expect(await body.text()).toBe("");
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([expected("/ok")]);
  await dumping.close();
});
