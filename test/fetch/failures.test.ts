import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setInterval } from "node:timers/promises";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { bothWays, errorShape, streamed } from "./control.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let closedPort: number;
beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/not-http": (_, response) => void response.socket?.end("this is not HTTP\r\n\r\n"),
    "/no-gzip": (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end("not gzip"),
    "/to-nowhere": (_, response) => void response.writeHead(302, { location: "http://[broken" }).end(),
    "/to-file": (_, response) => void response.writeHead(302, { location: "file:///etc/hostname" }).end(),
    "/half": (_, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      response.write("half");
    },
  });
  const socket = createServer().listen(0, "127.0.0.1");
  closedPort = await new Promise((resolve) => socket.once("listening", () => resolve((socket.address() as AddressInfo).port)));
  await new Promise((resolve) => socket.close(resolve));
});
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

/** Runs a failing call without and with tracing, expects the same error, and returns the spans. */
async function failing(run: () => Promise<unknown>, count = 1): Promise<SpanShape[]> {
  const { plain, traced } = await bothWays(run);
  expect(plain).toHaveProperty("error");
  expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
  const spans = await telemetry.ended(count);
  await telemetry.settled();
  return spans.map(shapeOf);
}

function failed(errorType: string, url: string, more: SpanShape["attributes"] = {}): SpanShape {
  const { hostname, port } = new URL(url);
  return {
    name: "GET",
    kind: SpanKind.CLIENT,
    status: SpanStatusCode.ERROR,
    attributes: {
      "http.request.method": "GET",
      "server.address": hostname,
      "server.port": Number(port),
      "url.full": url,
      "error.type": errorType,
      ...more,
    },
    events: ["exception"],
  };
}
const peer = (): SpanShape["attributes"] => ({
  "network.peer.address": "127.0.0.1",
  "network.peer.port": server.port,
  "network.protocol.version": "1.1",
});
const aborted = (url: string, more: SpanShape["attributes"] = {}): SpanShape => {
  const { "error.type": _, ...attributes } = failed("", url, more).attributes;
  return { ...failed("", url), status: SpanStatusCode.UNSET, attributes, events: [] };
};

it("records a refused connection as an error", async () => {
  const url = `http://127.0.0.1:${closedPort}/`;
  expect(await failing(() => fetch(url))).toEqual([failed("ECONNREFUSED", url)]);
});

it("records a connection that all addresses refuse as an error", async () => {
  const url = `http://localhost:${closedPort}/`;
  expect(await failing(() => fetch(url))).toEqual([failed("ECONNREFUSED", url)]);
});

it("records a connection reset before the response as an error", async () => {
  const url = `${server.url}/reset`;
  const [span] = await failing(() => fetch(url));
  expect(span).toEqual(failed(String(span?.attributes["error.type"]), url, peer()));
  expect(span?.attributes["error.type"]).toMatch(/^(?:ECONNRESET|UND_ERR_SOCKET)$/);
});

it("records a response that is not HTTP as an error", async () => {
  const url = `${server.url}/not-http`;
  // Node's parser error has no code.
  expect(await failing(() => fetch(url))).toEqual([failed("TypeError", url, peer())]);
});

it("records a connection cut in the body as an error, with the response's status", async () => {
  const url = `${server.url}/cut`;
  const spans = await failing(async () => (await fetch(url)).text());
  expect(spans).toEqual([failed("UND_ERR_SOCKET", url, { ...peer(), "http.response.status_code": 200 })]);
});

it("ends the span once when the body cannot be decoded", async () => {
  const [span] = await failing(async () => (await fetch(`${server.url}/no-gzip`)).text());
  expect(span?.attributes["http.response.status_code"]).toBe(200);
});

it("records a failed integrity check as a TypeError, with the response's status", async () => {
  const [span] = await failing(() =>
    fetch(`${server.url}/ok`, { integrity: "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }),
  );
  expect(span).toEqual(failed("TypeError", `${server.url}/ok`, { ...peer(), "http.response.status_code": 200 }));
});

it("records a redirect with redirect: error as a TypeError, with its status", async () => {
  const url = `${server.url}/redirect`;
  const spans = await failing(() => fetch(url, { redirect: "error" }));
  expect(spans).toEqual([failed("TypeError", url, { ...peer(), "http.response.status_code": 302 })]);
});

it.each([
  ["/to-nowhere", "ERR_INVALID_URL"],
  ["/to-file", "TypeError"],
])("records a redirect that cannot be followed as an error: %s", async (path, type) => {
  const spans = await failing(() => fetch(server.url + path));
  expect(spans).toEqual([failed(type, server.url + path, { ...peer(), "http.response.status_code": 302 })]);
});

it.each<[string, (url: string) => AbortSignal]>([
  ["aborted before the call", () => AbortSignal.abort()],
  ["aborted before the call, with a reason", () => AbortSignal.abort(new Error("not needed"))],
  ["aborted before the call, with a reason that is no error", () => AbortSignal.abort("enough")],
  ["aborted before the headers", (url) => abortOnRequest(url)],
  ["aborted before the headers, with a reason", (url) => abortOnRequest(url, new RangeError("another answer came first"))],
  ["aborted before the headers, with a reason that is no error", (url) => abortOnRequest(url, "enough")],
])("records no error for a call that is %s", async (name, signalOf) => {
  const url = uniqueUrl("/stall");
  const spans = await failing(() => fetch(url, { signal: signalOf(url) }));
  expect(spans).toEqual([aborted(url, name.includes("before the call") ? {} : peer())]);
});

let urls = 0;

/** The server may receive a request of an earlier test late, one that was aborted while it was being sent: so each test has a URL of its own. */
const uniqueUrl = (path: string): string => `${server.url}${path}?${++urls}`;

/** A signal that is aborted when the server has received the next request for a URL. */
function abortOnRequest(url: string, reason?: unknown): AbortSignal {
  const controller = new AbortController();
  server.server.on("request", function abort(request) {
    if (!url.endsWith(String(request.url))) return;
    server.server.off("request", abort);
    controller.abort(reason);
  });
  return controller.signal;
}

it("reads the signal of a Request, and prefers that of the init", async () => {
  const url = uniqueUrl("/stall");
  expect(await failing(() => fetch(new Request(url, { signal: abortOnRequest(url) })))).toEqual([aborted(url, peer())]);
  telemetry.reset();
  const never = new AbortController().signal;
  const spans = await failing(() => fetch(new Request(url, { signal: never }), { signal: abortOnRequest(url, new Error("mine")) }));
  expect(spans).toEqual([aborted(url, peer())]);
});

it.each([
  ["no error for an abort", undefined, "abort"],
  ["no error for an abort with a reason", new Error("enough"), "abort"],
  ["an error for a timeout", new DOMException("too late", "TimeoutError"), "TimeoutError"],
] as const)("records %s while the body is read", async (_, reason, what) => {
  const url = `${server.url}/half`;
  const spans = await failing(async () => {
    const controller = new AbortController();
    const response = await fetch(url, { signal: controller.signal });
    const reading = response.text();
    controller.abort(reason);
    return reading;
  });
  const attributes = { ...peer(), "http.response.status_code": 200 };
  expect(spans).toEqual([what === "abort" ? aborted(url, attributes) : failed(what, url, attributes)]);
});

it("records AbortSignal.timeout before the headers as an error", async () => {
  const url = uniqueUrl("/stall");
  const spans = await failing(() => fetch(url, { signal: AbortSignal.timeout(30) }));
  // Whether the request was sent by then is a matter of timing.
  expect(spans).toMatchObject([failed("TimeoutError", url)]);
});

it("distinguishes timeout and abort in a combined signal", async () => {
  const url = uniqueUrl("/stall");
  expect(
    await failing(() => fetch(url, { signal: AbortSignal.any([AbortSignal.timeout(30), new AbortController().signal]) })),
  ).toMatchObject([failed("TimeoutError", url)]);
  telemetry.reset();
  expect(await failing(() => fetch(url, { signal: AbortSignal.any([AbortSignal.timeout(5000), abortOnRequest(url)]) }))).toEqual([
    aborted(url, peer()),
  ]);
});

it("records a body generator that throws as an error and closes the generator", async () => {
  let closed = 0;
  const body = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.from("one");
      throw new RangeError("the caller's own");
    } finally {
      closed++;
    }
  };
  const [span] = await failing(() => fetch(`${server.url}/echo`, streamed(body())));
  expect(span).toMatchObject({ status: SpanStatusCode.ERROR, events: ["exception"] });
  expect(closed).toBe(2);
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for await (const chunk of setInterval(5, "more")) yield Buffer.from(chunk);
}

it("ends the span without an error when an abort abandons the body generator", async () => {
  const url = uniqueUrl("/echo");
  const [span] = await failing(() => fetch(url, streamed(endless(), { signal: abortOnRequest(url) })));
  const { attributes } = aborted(url, { ...peer(), "http.request.method": "POST" });
  expect(span).toEqual({ ...aborted(url), name: "POST", attributes });
});

it("rejects with the very reason of the abort", async () => {
  const reason = new Error("mine");
  const url = uniqueUrl("/stall");
  const { traced } = await bothWays(() => fetch(url, { signal: abortOnRequest(url, reason) }));
  expect(traced.error).toBe(reason);
});

it("records one exception event for a failure, without secrets", async () => {
  const url = `http://user:hush@127.0.0.1:${closedPort}/`;
  await failing(() => fetch(url));
  const [span] = telemetry.own();
  expect(span?.events).toHaveLength(1);
  expect(span?.events[0]).toMatchObject({ name: "exception", attributes: { "exception.type": "TypeError" } });
  expect(JSON.stringify([span?.attributes, span?.events])).not.toContain("hush");
});
