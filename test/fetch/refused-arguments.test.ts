import { SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { bothWays, errorShape } from "./control.ts";

let telemetry: TestTelemetry;
let server: TestServer;
beforeAll(async () => void (server = await serve({ ...ROUTES, "/": (_, response) => void response.end("ok") })));
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

const unreadable = {
  get method(): string {
    throw new RangeError("a getter of the caller's");
  },
};

const CALLS: Record<string, () => unknown[]> = {
  "no argument": () => [],
  undefined: () => [undefined],
  null: () => [null],
  "a symbol": () => [Symbol("url")],
  "an object that becomes no string": () => [Object.create(null)],
  "an invalid URL": () => ["http://[broken"],
  "a relative URL": () => ["/path"],
  "an empty string": () => [""],
  "a scheme that fetch does not know": () => ["ftp://127.0.0.1/"],
  "a file": () => ["file:///etc/hostname"],
  "a blob that is not there": () => ["blob:nodedata:00000000-0000-0000-0000-000000000000"],
  "a blocked port": () => ["http://127.0.0.1:25/"],
  "a URL with user info": () => [server.url.replace("//", "//user:pass@")],
  "a body with GET": () => [server.url, { body: "text" }],
  "a method that is forbidden": () => [server.url, { method: "CONNECT" }],
  "a method that is no token": () => [server.url, { method: "A B" }],
  "an init that is a string": () => [server.url, "POST"],
  "an init that is a number": () => [server.url, 5],
  "an init that is a boolean": () => [server.url, true],
  "an init that is a symbol": () => [server.url, Symbol("init")],
  "an init whose getter throws": () => [server.url, unreadable],
  "headers that are a string": () => [server.url, { headers: "x-a: 1" }],
  "headers that are a number": () => [server.url, { headers: 5 }],
  "headers that are null": () => [server.url, { headers: null }],
  "headers that are a function": () => [server.url, { headers: () => {} }],
  "headers as a flat array": () => [server.url, { headers: ["x-a", "1"] }],
  "headers as a flat array of one": () => [server.url, { headers: ["x-a"] }],
  "a pair of three": () => [server.url, { headers: [["x-a", "1", "2"]] }],
  "a pair of one": () => [server.url, { headers: [["x-a"]] }],
  "a pair that is no pair": () => [server.url, { headers: [5] }],
  "a pair that is null": () => [server.url, { headers: [null] }],
  "a header name that is no token": () => [server.url, { headers: { "x a": "1" } }],
  "a header value with a line break": () => [server.url, { headers: { "x-a": "1\n2: 3" } }],
  "a header value beyond Latin-1": () => [server.url, { headers: { "x-a": "é€" } }],
  "a header value that is a symbol": () => [server.url, { headers: { "x-a": Symbol("value") } }],
  "a header key that is a symbol": () => [server.url, { headers: { [Symbol("key")]: "1" } }],
  "headers whose getter throws": () => [server.url, { headers: Object.defineProperty({}, "x-a", { enumerable: true, get: fail }) }],
  "headers whose iterator throws": () => [server.url, { headers: { [Symbol.iterator]: fail } }],
  "a generator of headers that throws": () => [server.url, { headers: failingPairs() }],
  "a signal that is none": () => [server.url, { signal: {} }],
  "a stream without duplex": () => [server.url, { method: "POST", body: new Blob(["a"]).stream() }],
  "a body that was read": () => [server.url, { method: "POST", body: readStream(), duplex: "half" }],
  "a Request whose body was used": () => [usedRequest()],
  "a mode that is none": () => [server.url, { mode: "wrong" }],
  "a window that is no null": () => [server.url, { window: {} }],
  "a dispatcher that is none": () => [server.url, { dispatcher: {} }],
};

function fail(): never {
  throw new RangeError("the caller's own");
}
function* failingPairs(): Generator<[string, string]> {
  yield ["x-a", "1"];
  fail();
}
function readStream(): ReadableStream {
  const stream = new Blob(["a"]).stream();
  stream.getReader();
  return stream;
}
function usedRequest(): Request {
  const request = new Request(server.url, { method: "POST", body: "text" });
  void request.text();
  return request;
}

it.each(Object.entries(CALLS))("settles as without tracing and leaves no span open: %s", async (_, args) => {
  const { plain, traced } = await bothWays(() => Reflect.apply(fetch, undefined, args()) as Promise<Response>);
  const show = ({ value, error }: typeof plain): unknown => (value === undefined ? errorShape(error) : (value as Response).status);
  expect(show(traced)).toEqual(show(plain));
  await telemetry.settled();
  const spans = telemetry.own().map(({ status }) => status.code);
  // A call whose arguments cannot be read has no span.
  expect(spans.length).toBeLessThanOrEqual(1);
  const expected = plain.error === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR;
  expect(spans.filter((status) => status !== expected)).toEqual([]);
});

it("records an invalid URL as given, and the error", async () => {
  await bothWays(() => fetch("http://[broken"));
  const [span] = (await telemetry.ended(1)).map(shapeOf);
  expect(span).toEqual({
    name: "GET",
    kind: 2,
    status: 2,
    attributes: { "http.request.method": "GET", "url.full": "http://[broken", "error.type": "ERR_INVALID_URL" },
    events: ["exception"],
  });
});

it("ends the span of a data: URL with the promise and does not record its content", async () => {
  const { plain, traced } = await bothWays(async () => (await fetch("data:text/plain,secret")).text());
  expect(traced).toEqual(plain);
  const [span] = (await telemetry.ended(1)).map(shapeOf);
  expect(span).toEqual({
    name: "GET",
    kind: 2,
    status: 0,
    attributes: { "http.request.method": "GET", "url.full": "data:text/plain,", "http.response.status_code": 200 },
    events: [],
  });
});

it("ends the span of a blob: URL with the promise", async () => {
  const url = URL.createObjectURL(new Blob(["content"]));
  const { plain, traced } = await bothWays(async () => (await fetch(url)).text());
  expect(traced).toEqual(plain);
  expect((await telemetry.ended(1)).map(({ status }) => status.code)).toEqual([0]);
});
