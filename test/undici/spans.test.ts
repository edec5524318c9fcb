import type { Attributes } from "@opentelemetry/api";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { PassThrough, Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
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

it("records a request as a CLIENT span below the active span and sends its traceparent", async () => {
  await inSpan("agent", async () => {
    const { body } = await agent.request({ origin: server.url, path: "/ok?a=1", method: "GET" });
    expect(await body.text()).toBe("hello");
  });
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual(expected("/ok?a=1"));
  expect(span!.parentSpanContext?.spanId).toBe(telemetry.spans().at(-1)?.spanContext().spanId);
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
});

it.runIf(major >= 8)("records version 2 for HTTP/2, also on a reused connection", async () => {
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

it("records a 4xx response as an error", async () => {
  await (await agent.request({ origin: server.url, path: "/missing", method: "GET" })).body.dump();
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual({
    ...expected("/missing", { "http.response.status_code": 404, "error.type": "404" }),
    status: SpanStatusCode.ERROR,
  });
});

it("ends the span with the last byte of the body", async () => {
  const { body } = await agent.request({ origin: server.url, path: "/events", method: "GET" });
  expect(telemetry.own()).toHaveLength(0);
  await body.text();
  const [span] = await telemetry.ended(1);
  expect(span!.duration[1] / 1e6 + span!.duration[0] * 1e3).toBeGreaterThan(35);
});

it("ends the span before the application gets the response with endSpanOn: headers", async () => {
  const headersOnly = new undici.Agent().compose(traceInterceptor({ endSpanOn: "headers" }));
  const { body } = await headersOnly.request({ origin: server.url, path: "/events", method: "GET" });
  expect(telemetry.own().map(shapeOf)).toEqual([expected("/events")]);
  await body.text();
  await headersOnly.close();
  await telemetry.settled();
  expect(telemetry.own()).toHaveLength(1);
});

it("records the query in url.full as it is sent", async () => {
  const query = { q: "a b", list: ["1", "2"], sig: "secret" };
  await (await agent.request({ origin: server.url, path: "/ok", method: "GET", query })).body.dump();
  const [span] = await telemetry.ended(1);
  expect(server.requests.at(-1)?.url).toBe("/ok?q=a%20b&list=1&list=2&sig=secret");
  expect(span!.attributes["url.full"]).toBe(`${server.url}/ok?q=a%20b&list=1&list=2&sig=REDACTED`);
});

it("accepts a URL object as the origin", async () => {
  await (await agent.request({ origin: new URL(server.url), path: "/ok", method: "GET" })).body.dump();
  await (await agent.request({ origin: new URL(server.url), path: "/json", method: "GET" })).body.dump();
  expect((await telemetry.ended(2)).map(shapeOf)).toEqual([expected("/ok"), expected("/json")]);
});

it("records the origin of a composed Client or Pool", async () => {
  await inTurn([new undici.Client(server.url), new undici.Pool(server.url)], async (dispatcher) => {
    telemetry.reset();
    const client = dispatcher.compose(traceInterceptor());
    await inTurn(["/ok?a=1", "/json"], async (path) => (await client.request({ path, method: "GET" })).body.dump());
    await (await client.request({ path: "/ok", method: "GET", query: { b: 2 } })).body.dump();
    expect((await telemetry.ended(3)).map(shapeOf)).toEqual([expected("/ok?a=1"), expected("/json"), expected("/ok?b=2")]);
    await client.close();
  });
});

it("records the origin that a composed BalancedPool chose for each request", async () => {
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

it("records stream() and pipeline()", async () => {
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

it("records undici.fetch over a traced dispatcher", async () => {
  const response = await undici.fetch(`${server.url}/ok`, { dispatcher: agent });
  expect(await response.text()).toBe("hello");
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual(expected("/ok"));
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
});

it("ends the spans of an upgrade and a CONNECT when the connection is handed over", async () => {
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

it("records a refused upgrade as an ordinary response", async () => {
  const client = new undici.Client(server.url).compose(traceInterceptor());
  await expect(client.upgrade({ path: "/missing" })).rejects.toThrow("bad upgrade");
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span!)).toEqual({
    ...expected("/missing", { "http.response.status_code": 404, "error.type": "404" }),
    status: SpanStatusCode.ERROR,
  });
  await client.destroy();
});

it("passes on informational responses and records the final one", async () => {
  const infos: number[] = [];
  const { statusCode, body } = await agent.request({
    origin: server.url,
    path: "/hints",
    method: "GET",
    onInfo: (info) => void infos.push(info.statusCode),
  });
  await body.dump();
  expect(infos).toEqual([103]);
  expect(statusCode).toBe(200);
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([expected("/hints")]);
});

it("gives hooks the dispatched options and undici's response", async () => {
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

it("records requests of a composed MockAgent", async () => {
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

it("records the request through a proxy, and no span for CONNECT", async () => {
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

it("traces undici's functions and the platform's fetch as the global dispatcher", async () => {
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

it.skipIf(major < 7)("records no span for a cached response", async () => {
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

it.skipIf(major < 7)("records the host's name with the dns interceptor inside", async () => {
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

it("records the whole exchange with the dump interceptor", async () => {
  const dumping = new undici.Agent().compose(traceInterceptor(), undici.interceptors.dump());
  const { body } = await dumping.request({ origin: server.url, path: "/ok", method: "GET" });
  expect(await body.text()).toBe("");
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([expected("/ok")]);
  await dumping.close();
});
