import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { FetchOptions } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { Recorded, TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { bothWays, errorShape } from "./control.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let other: TestServer;
let abortOnStall: () => void = () => {};
beforeAll(async () => {
  other = await serve(ROUTES);
  server = await serve({
    ...ROUTES,
    "/twice": (_, response) => void response.writeHead(301, { location: "/redirect?b=2" }).end(),
    "/see-other": (_, response) => void response.writeHead(303, { location: "/echo" }).end(),
    "/away": (_, response) => void response.writeHead(302, { location: `${other.url}/ok?sig=secret` }).end(),
    "/slashes": (_, response) => void response.writeHead(302, { location: `${server.url}//double/slash` }).end(),
    "//double/slash": (_, response) => void response.writeHead(200).end("found"),
    "/to-cut": (_, response) => void response.writeHead(302, { location: "/cut" }).end(),
    "/to-reset": (_, response) => void response.writeHead(302, { location: "/reset" }).end(),
    "/stall": () => abortOnStall(),
    "/to-stall": (_, response) => void response.writeHead(302, { location: "/stall" }).end(),
    "/no-location": (_, response) => void response.writeHead(302).end("no location"),
    "/not-modified": (_, response) => void response.writeHead(304).end(),
    "/large-redirect": (_, response) => void response.writeHead(302, { location: "/ok" }).end(Buffer.alloc(300_000)),
  });
});
afterAll(() => Promise.all([server.close(), other.close()]));
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
  other.requests.length = 0;
});
afterEach(() => telemetry.stop());

function hop(method: string, url: string, status: number, count: number, more: SpanShape["attributes"] = {}): SpanShape {
  const { origin, port } = new URL(url);
  return {
    name: method,
    kind: SpanKind.CLIENT,
    status: SpanStatusCode.UNSET,
    attributes: {
      "http.request.method": method,
      ...(count > 0 && { "http.request.resend_count": count }),
      "http.response.status_code": status,
      "network.peer.address": "127.0.0.1",
      "network.peer.port": Number(port),
      "network.protocol.version": "1.1",
      "server.address": "127.0.0.1",
      "server.port": Number(port),
      "url.full": origin + url.slice(origin.length),
      ...more,
    },
    events: [],
  };
}

/** Calls in a span of the application's own, expects the same result as without tracing, and all hops as its children. */
async function follow(run: () => Promise<unknown>, hops: number, options: FetchOptions = {}): Promise<ReadableSpan[]> {
  const { plain, traced } = await bothWays(() => {
    telemetry.reset();
    server.requests.length = 0;
    other.requests.length = 0;
    return inSpan("work", run);
  }, options);
  expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
  expect(traced.value).toEqual(plain.value);
  const spans = await telemetry.ended(hops);
  await telemetry.settled();
  const work = telemetry
    .spans()
    .find(({ name }) => name === "work")
    ?.spanContext();
  expect(spans.map((span) => span.parentSpanContext?.spanId)).toEqual(spans.map(() => work?.spanId));
  return spans;
}

const seen = (...requests: Recorded[]): string[][] => requests.map((request) => server.values("traceparent", request));

async function textAndUrl(input: string, init?: RequestInit): Promise<object> {
  const response = await fetch(input, init);
  const { status, redirected, url } = response;
  return { status, redirected, url, text: await response.text() };
}

it("records each hop as a span with its own traceparent and resend count, below the same parent", async () => {
  const spans = await follow(() => textAndUrl(`${server.url}/twice?a=1`), 3);
  expect(spans.map(shapeOf)).toEqual([
    hop("GET", `${server.url}/twice?a=1`, 301, 0),
    hop("GET", `${server.url}/redirect?b=2`, 302, 1),
    hop("GET", `${server.url}/ok`, 200, 2),
  ]);
  expect(seen(...server.requests)).toEqual(spans.map((span) => [traceparentOf(span)]));
});

it("ends the span of each hop before the next one starts", async () => {
  const spans = await follow(() => textAndUrl(`${server.url}/twice`), 3);
  const times = spans.flatMap(({ startTime, endTime }) => [
    startTime[0] * 1e3 + startTime[1] / 1e6,
    endTime[0] * 1e3 + endTime[1] / 1e6,
  ]);
  // The SDK's clock is read anew for each root of time, to a millisecond.
  for (let i = 1; i < times.length; i++) expect(times[i]).toBeGreaterThan((times[i - 1] as number) - 1.5);
});

it("records GET for the hop after a 303", async () => {
  const spans = await follow(() => textAndUrl(`${server.url}/see-other`, { method: "POST", body: "text" }), 2);
  expect(spans.map(shapeOf)).toEqual([hop("POST", `${server.url}/see-other`, 303, 0), hop("GET", `${server.url}/echo`, 200, 1)]);
});

it("sends the body again after a 307", async () => {
  const spans = await follow(() => textAndUrl(`${server.url}/redirect-307`, { method: "POST", body: "text" }), 2);
  expect(spans.map(shapeOf)).toEqual([
    hop("POST", `${server.url}/redirect-307`, 307, 0),
    hop("POST", `${server.url}/echo`, 200, 1),
  ]);
  expect(server.requests.map(({ body }) => body.toString())).toEqual(["text", "text"]);
});

it("sends the hop's traceparent to another origin once, and redacts its URL", async () => {
  const spans = await follow(() => textAndUrl(`${server.url}/away`, { headers: { authorization: "Bearer secret" } }), 2);
  expect(spans.map(shapeOf)).toEqual([
    hop("GET", `${server.url}/away`, 302, 0),
    hop("GET", `${other.url}/ok?sig=REDACTED`, 200, 1),
  ]);
  expect(seen(...server.requests)).toEqual([[traceparentOf(spans[0]!)]]);
  expect(seen(...other.requests)).toEqual([[traceparentOf(spans[1]!)]]);
  expect(other.requests[0]?.headers.authorization).toBeUndefined();
});

it("does not take a path that begins with two slashes for a host", async () => {
  const spans = await follow(() => textAndUrl(`${server.url}/slashes`), 2);
  expect(spans.map(shapeOf)).toEqual([
    hop("GET", `${server.url}/slashes`, 302, 0),
    hop("GET", `${server.url}//double/slash`, 200, 1),
  ]);
});

it("replaces the caller's trace headers on each hop, in any letter case", async () => {
  const byHand = { TraceParent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, traceState: "old=1" };
  const spans = await follow(() => textAndUrl(`${server.url}/redirect`, { headers: byHand }), 2);
  expect(seen(...server.requests)).toEqual(spans.map((span) => [traceparentOf(span)]));
  expect(server.requests.map((request) => server.values("tracestate", request))).toEqual([[], []]);
});

it("records one attempt without an error for redirect: manual and for a 3xx without a Location", async () => {
  expect((await follow(() => textAndUrl(`${server.url}/redirect`, { redirect: "manual" }), 1)).map(shapeOf)).toEqual([
    hop("GET", `${server.url}/redirect`, 302, 0),
  ]);
  expect((await follow(() => textAndUrl(`${server.url}/no-location`), 1)).map(shapeOf)).toEqual([
    hop("GET", `${server.url}/no-location`, 302, 0),
  ]);
  expect((await follow(() => textAndUrl(`${server.url}/not-modified`), 1)).map(shapeOf)).toEqual([
    hop("GET", `${server.url}/not-modified`, 304, 0),
  ]);
});

it("records too many redirects as an error of the last hop", async () => {
  const spans = await follow(() => fetch(`${server.url}/loop`), 21);
  expect(spans.map(({ status }) => status.code)).toEqual([...Array.from({ length: 20 }, () => 0), 2]);
  expect(spans.map(({ attributes }) => attributes["http.request.resend_count"])).toEqual([
    undefined,
    ...Array.from({ length: 20 }, (_, index) => index + 1),
  ]);
  expect(spans.at(-1)?.attributes).toMatchObject({ "http.response.status_code": 302, "error.type": "TypeError" });
});

it.each([
  ["/to-reset", /^(?:ECONNRESET|UND_ERR_SOCKET)$/, undefined],
  ["/to-cut", /^UND_ERR_SOCKET$/, 200],
])("records an error only for the hop that fails: %s", async (path, type, status) => {
  const [first, second] = (await follow(async () => (await fetch(server.url + path)).text(), 2)).map(shapeOf);
  expect(first).toEqual(hop("GET", server.url + path, 302, 0));
  expect(second).toMatchObject({ status: SpanStatusCode.ERROR, events: ["exception"] });
  expect(second?.attributes["http.response.status_code"]).toBe(status);
  expect(second?.attributes["error.type"]).toMatch(type);
});

it("records no error for an abort during a later hop", async () => {
  const run = (): Promise<unknown> => {
    const controller = new AbortController();
    abortOnStall = () => controller.abort();
    return fetch(`${server.url}/to-stall`, { signal: controller.signal });
  };
  const [first, second] = (await follow(run, 2)).map(shapeOf);
  expect(first).toEqual(hop("GET", `${server.url}/to-stall`, 302, 0));
  const { "http.response.status_code": _, ...attributes } = hop("GET", `${server.url}/stall`, 0, 1).attributes;
  expect(second).toEqual({ ...hop("GET", "http://x/", 0, 1), attributes });
});

it("ends the span of a redirect with a large body", async () => {
  const spans = await follow(() => textAndUrl(`${server.url}/large-redirect`), 2);
  expect(spans.map(({ status }) => status.code)).toEqual([0, 0]);
});

it("calls requestHook for each hop and responseHook for the last one", async () => {
  const seenByHooks: string[] = [];
  const url = `${server.url}/redirect`;
  await follow(() => textAndUrl(url), 2, {
    requestHook: (span, { input }) => void seenByHooks.push(`request ${input as string} ${span.spanContext().spanId}`),
    responseHook: (span, { response }) => void seenByHooks.push(`response ${response.url} ${span.spanContext().spanId}`),
    urlTemplate: () => "/asked",
  });
  const [first, second] = telemetry.own().map((span) => span.spanContext().spanId);
  expect(seenByHooks).toEqual([`request ${url} ${first}`, `request ${url} ${second}`, `response ${server.url}/ok ${second}`]);
});

it("keeps concurrent redirected calls apart", async () => {
  const calls = Array.from({ length: 8 }, (_, index) => () => textAndUrl(`${server.url}/twice?n=${index}`));
  const spans = await follow(() => Promise.all(calls.map((call) => call())), 24);
  const ids = new Set(spans.map(traceparentOf));
  expect(new Set(seen(...server.requests).flat())).toEqual(ids);
  expect(ids.size).toBe(24);
});
