import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setInterval } from "node:timers/promises";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
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

/** Runs a call that fails without and with us; the errors must look the same. Returns the spans that it made. */
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
const cancelled = (url: string, more: SpanShape["attributes"] = {}): SpanShape => {
  const { "error.type": _, ...attributes } = failed("", url, more).attributes;
  return { ...failed("", url), status: SpanStatusCode.UNSET, attributes, events: [] };
};

test("connection refused", async () => {
  const url = `http://127.0.0.1:${closedPort}/`;
  expect(await failing(() => fetch(url))).toEqual([failed("ECONNREFUSED", url)]);
});

test("connection refused on each of several addresses", async () => {
  const url = `http://localhost:${closedPort}/`;
  expect(await failing(() => fetch(url))).toEqual([failed("ECONNREFUSED", url)]);
});

test("connection reset before the response", async () => {
  const url = `${server.url}/reset`;
  const [span] = await failing(() => fetch(url));
  expect(span).toEqual(failed(String(span?.attributes["error.type"]), url, peer()));
  expect(span?.attributes["error.type"]).toMatch(/^(?:ECONNRESET|UND_ERR_SOCKET)$/);
});

test("an answer that is no HTTP", async () => {
  const url = `${server.url}/not-http`;
  // Node's parser error has no code.
  expect(await failing(() => fetch(url))).toEqual([failed("TypeError", url, peer())]);
});

test("connection cut in the middle of the body: an error with the status that came", async () => {
  const url = `${server.url}/cut`;
  const spans = await failing(async () => (await fetch(url)).text());
  expect(spans).toEqual([failed("UND_ERR_SOCKET", url, { ...peer(), "http.response.status_code": 200 })]);
});

test("a body that does not decode: the caller gets the platform's error, and the span ends once", async () => {
  const [span] = await failing(async () => (await fetch(`${server.url}/no-gzip`)).text());
  expect(span?.attributes["http.response.status_code"]).toBe(200);
});

test("a body that does not match its integrity: TypeError, with the status", async () => {
  const [span] = await failing(() =>
    fetch(`${server.url}/ok`, { integrity: "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }),
  );
  expect(span).toEqual(failed("TypeError", `${server.url}/ok`, { ...peer(), "http.response.status_code": 200 }));
});

test("a redirect where none is wanted: TypeError, with the status", async () => {
  const url = `${server.url}/redirect`;
  const spans = await failing(() => fetch(url, { redirect: "error" }));
  expect(spans).toEqual([failed("TypeError", url, { ...peer(), "http.response.status_code": 302 })]);
});

test.each([
  ["/to-nowhere", "ERR_INVALID_URL"],
  ["/to-file", "TypeError"],
])("a redirect that cannot be followed: %s", async (path, type) => {
  const spans = await failing(() => fetch(server.url + path));
  expect(spans).toEqual([failed(type, server.url + path, { ...peer(), "http.response.status_code": 302 })]);
});

test.each([
  ["aborted before the call", () => AbortSignal.abort()],
  ["aborted before the call, with a reason", () => AbortSignal.abort(new Error("not needed"))],
  ["aborted before the call, with a reason that is no error", () => AbortSignal.abort("enough")],
  ["aborted before the headers", () => abortSoon()],
  ["aborted before the headers, with a reason", () => abortSoon(new RangeError("another answer came first"))],
  ["aborted before the headers, with a reason that is no error", () => abortSoon("enough")],
])("%s: not an error", async (name, signal) => {
  const url = `${server.url}/stall`;
  const spans = await failing(() => fetch(url, { signal: signal() }));
  expect(spans).toEqual([cancelled(url, name.includes("before the call") ? {} : peer())]);
});

function abortSoon(reason?: unknown): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 30);
  return controller.signal;
}

test("the signal of a Request counts, that of its init before it", async () => {
  const url = `${server.url}/stall`;
  expect(await failing(() => fetch(new Request(url, { signal: abortSoon() })))).toEqual([cancelled(url, peer())]);
  telemetry.reset();
  const never = new AbortController().signal;
  const spans = await failing(() => fetch(new Request(url, { signal: never }), { signal: abortSoon(new Error("mine")) }));
  expect(spans).toEqual([cancelled(url, peer())]);
});

test.each([
  ["an abort", () => abortSoon(), "cancel"],
  ["an abort with a reason", () => abortSoon(new Error("enough")), "cancel"],
  ["AbortSignal.timeout", () => AbortSignal.timeout(30), "TimeoutError"],
] as const)("%s after the headers, while the body is read", async (_, signal, what) => {
  const url = `${server.url}/half`;
  const spans = await failing(async () => (await fetch(url, { signal: signal() })).text());
  const attributes = { ...peer(), "http.response.status_code": 200 };
  expect(spans).toEqual([what === "cancel" ? cancelled(url, attributes) : failed(what, url, attributes)]);
});

test("AbortSignal.timeout before the headers is an error", async () => {
  const url = `${server.url}/stall`;
  expect(await failing(() => fetch(url, { signal: AbortSignal.timeout(30) }))).toEqual([failed("TimeoutError", url, peer())]);
});

test("a timeout among several signals is an error, an abort among them is not", async () => {
  const url = `${server.url}/stall`;
  expect(
    await failing(() => fetch(url, { signal: AbortSignal.any([AbortSignal.timeout(30), new AbortController().signal]) })),
  ).toEqual([failed("TimeoutError", url, peer())]);
  telemetry.reset();
  expect(await failing(() => fetch(url, { signal: AbortSignal.any([AbortSignal.timeout(5000), abortSoon()]) }))).toEqual([
    cancelled(url, peer()),
  ]);
});

test("a body's generator that throws: the caller gets what it gets without us, and the generator is closed", async () => {
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

test("a body's generator that is abandoned by an abort: the span ends without an error", async () => {
  const url = `${server.url}/echo`;
  const [span] = await failing(() => fetch(url, streamed(endless(), { signal: abortSoon() })));
  const { attributes } = cancelled(url, { ...peer(), "http.request.method": "POST" });
  expect(span).toEqual({ ...cancelled(url), name: "POST", attributes });
});

test("the reason of an abort is the very object that the caller gets", async () => {
  const reason = new Error("mine");
  const { traced } = await bothWays(() => fetch(`${server.url}/stall`, { signal: abortSoon(reason) }));
  expect(traced.error).toBe(reason);
});

test("nothing of a failure is recorded twice, and its exception event names no secret", async () => {
  const url = `http://user:hush@127.0.0.1:${closedPort}/`;
  await failing(() => fetch(url));
  const [span] = telemetry.own();
  expect(span?.events.map(({ name, attributes }) => [name, attributes?.["exception.type"]])).toEqual([["exception", "TypeError"]]);
  expect(JSON.stringify([span?.attributes, span?.events])).not.toContain("hush");
});
