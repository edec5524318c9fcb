import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { SpanStatusCode } from "@opentelemetry/api";
import { Agent, MockAgent, ProxyAgent, RetryAgent, getGlobalDispatcher, interceptors, setGlobalDispatcher } from "undici";
import type { Dispatcher } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { bothWays, errorShape, traffic } from "./control.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let busy = new Set<string>();
const usual = getGlobalDispatcher();
const connects: (string | undefined)[] = [];
const proxied: (string | undefined)[] = [];
const proxy = createServer((request, response) => {
  proxied.push(request.headers["traceparent"] as string | undefined);
  response.end("via proxy");
}).on("connect", (request, socket, head) => {
  connects.push(request.headers["traceparent"] as string | undefined);
  const upstream = connect(server.port, "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  });
  upstream.on("error", () => socket.destroy());
  socket.on("error", () => upstream.destroy());
});
const proxyUrl = (): string => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    // Each URL answers 503 the first time.
    "/flaky": ({ url = "" }, response) => {
      const first = !busy.has(url);
      busy.add(url);
      response.writeHead(first ? 503 : 200).end(first ? "busy" : `fine ${url}`);
    },
  });
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", () => resolve()));
});
afterAll(async () => {
  await server.close();
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});
beforeEach(() => {
  telemetry = startTelemetry();
  for (const list of [connects, proxied]) list.length = 0;
});
afterEach(async () => {
  setGlobalDispatcher(usual);
  await telemetry.stop();
});

const text = async (url: string, init?: RequestInit): Promise<object> => {
  const response = await fetch(url, init);
  return { status: response.status, url: response.url, text: await response.text() };
};

/** Runs calls through a global dispatcher in a span, without and with tracing, and expects the same outcome. */
async function through(dispatcher: Dispatcher, run: () => Promise<unknown>): Promise<void> {
  setGlobalDispatcher(dispatcher);
  const { plain, traced } = await bothWays(() => {
    busy = new Set();
    telemetry.reset();
    server.requests.length = 0;
    return inSpan("work", run);
  });
  expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
  expect(traced.value).toEqual(plain.value);
}

/** The attempts, of which the server saw the traceparent and which have the same parent. */
async function attempts(count: number): Promise<object[]> {
  const { sent, issued, own } = await traffic(telemetry, server, count);
  expect(sent).toEqual(issued);
  const work = telemetry.spans().find(({ name }) => name === "work");
  expect(new Set(own.map((span) => span.parentSpanContext?.spanId))).toEqual(new Set([work?.spanContext().spanId]));
  return own.map(({ attributes }) => ({
    status: attributes["http.response.status_code"],
    resendCount: attributes["http.request.resend_count"],
  }));
}

describe("a global dispatcher of the undici package", () => {
  it("traces a fetch through an Agent", async () => {
    await through(new Agent(), () => text(`${server.url}/ok`));
    expect(await attempts(1)).toEqual([{ status: 200, resendCount: undefined }]);
  });

  const retrying: Record<string, () => Dispatcher> = {
    RetryAgent: () => new RetryAgent(new Agent(), { minTimeout: 1, maxTimeout: 1 }),
    "the retry interceptor": () => new Agent().compose(interceptors.retry({ minTimeout: 1, maxTimeout: 1 })),
  };
  it.each(Object.entries(retrying))("records each attempt of %s with its own traceparent", async (_, make) => {
    await through(make(), () => text(`${server.url}/flaky`));
    expect(await attempts(2)).toEqual([
      { status: 503, resendCount: undefined },
      { status: 200, resendCount: 1 },
    ]);
    expect(telemetry.own().map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
    expect(telemetry.own().map(({ attributes }) => attributes["error.type"])).toEqual(["503", undefined]);
  });

  it("assigns retries on one warm socket to their own calls", async () => {
    const agent = new Agent({ connections: 1 }).compose(interceptors.retry({ minTimeout: 1, maxTimeout: 1 }));
    const urls = Array.from({ length: 5 }, (_, index) => `${server.url}/flaky?n=${index}`);
    await through(agent, async () => {
      await text(`${server.url}/ok`);
      return Promise.all(urls.map((url) => text(url)));
    });
    await attempts(11);
    for (const url of urls) {
      const ofUrl = telemetry.own().filter(({ attributes }) => attributes["url.full"] === url);
      expect(ofUrl.map(({ attributes }) => attributes["http.response.status_code"])).toEqual([503, 200]);
    }
  });

  it("records each hop of the redirect interceptor with its own traceparent", async () => {
    const agent = new Agent().compose(interceptors.redirect({ maxRedirections: 3 }));
    await through(agent, () => text(`${server.url}/redirect`));
    expect(await attempts(2)).toEqual([
      { status: 302, resendCount: undefined },
      { status: 200, resendCount: 1 },
    ]);
  });

  it("sends no trace context with the CONNECT of a ProxyAgent and records no span for it", async () => {
    await through(new ProxyAgent({ uri: proxyUrl(), proxyTunnel: true }), () => text(`${server.url}/redirect`));
    expect(await attempts(2)).toEqual([
      { status: 302, resendCount: undefined },
      { status: 200, resendCount: 1 },
    ]);
    expect(connects.length).toBeGreaterThan(0);
    expect(connects.every((traceparent) => traceparent === undefined)).toBe(true);
    expect(telemetry.own()[1]?.attributes["url.full"]).toBe(`${server.url}/ok`);
  });

  it("records one call to the server through a ProxyAgent without a tunnel", async () => {
    await through(new ProxyAgent({ uri: proxyUrl(), proxyTunnel: false }), () => text(`${server.url}/ok`));
    const [span] = await telemetry.ended(1);
    expect(proxied).toEqual([undefined, traceparentOf(span as never)]);
    expect(span?.attributes).toMatchObject({
      "server.port": server.port,
      "url.full": `${server.url}/ok`,
      "network.peer.port": (proxy.address() as AddressInfo).port,
    });
  });

  it("ends the span of a MockAgent's response at the headers, without a peer", async () => {
    const mock = new MockAgent();
    mock.disableNetConnect();
    const seen: unknown[] = [];
    const matching = { path: "/card", headers: (headers: Record<string, string>) => (seen.push(headers["traceparent"]), true) };
    mock.get("http://agent.example").intercept(matching).reply(200, "mocked").persist();
    await through(mock, () => text("http://agent.example/card"));
    const [span] = await telemetry.ended(1);
    expect(seen.at(-1)).toBe(traceparentOf(span as never));
    expect(span?.attributes).toEqual({
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "server.address": "agent.example",
      "server.port": 80,
      "url.full": "http://agent.example/card",
    });
  });

  it("records one span and rejects with the same error when a MockAgent has no match", async () => {
    const mock = new MockAgent();
    mock.disableNetConnect();
    await through(mock, () => text("http://agent.example/none"));
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["error.type"]).toBe("UND_MOCK_ERR_MOCK_NOT_MATCHED");
  });
});

/** The dispatcher that takes the handlers of the platform's own undici. */
const ofThePlatform = (): Dispatcher =>
  (globalThis as Record<symbol, Dispatcher>)[Symbol.for("undici.globalDispatcher.1")] as Dispatcher;

describe("init.dispatcher", () => {
  it("is passed on unchanged and gets the platform's handler", async () => {
    const seen: unknown[] = [];
    const dispatcher = {
      dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
        seen.push(options.path, typeof (handler as { onHeaders?: unknown }).onHeaders);
        return ofThePlatform().dispatch(options, handler);
      },
    };
    const { plain, traced } = await bothWays(() => text(`${server.url}/ok`, { dispatcher } as unknown as RequestInit));
    expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
    expect(traced.value).toEqual(plain.value);
    expect(seen.slice(2)).toEqual(seen.slice(0, 2));
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["http.response.status_code"]).toBe(200);
  });

  it("of undici 8 settles as without tracing on a platform with handlers of undici 7, and its span ends", async () => {
    const dispatcher = new Agent();
    const run = (): Promise<unknown> => text(`${server.url}/ok`, { dispatcher } as unknown as RequestInit);
    const { plain, traced } = await bothWays(run);
    expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
    expect(traced.value).toEqual(plain.value);
    await telemetry.ended(1);
    await telemetry.settled();
  });

  it("that never settles the call: an abort ends the span without an error", async () => {
    const { plain, traced } = await bothWays(() => {
      const controller = new AbortController();
      const dispatcher = {
        dispatch: () => {
          setImmediate(() => controller.abort());
          return true;
        },
      };
      return fetch(server.url, { dispatcher, signal: controller.signal } as unknown as RequestInit);
    });
    expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
    expect((await telemetry.ended(1)).map(({ status }) => status.code)).toEqual([SpanStatusCode.UNSET]);
  });
});
