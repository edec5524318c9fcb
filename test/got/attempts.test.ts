import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import got from "got";
import type { Got, NormalizedOptions, OptionsInit, RequestError } from "got";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { wrapGot } from "../../src/got.ts";
import { outcomeOf, succeeded } from "../support/outcome.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let other: TestServer;
let busy = 0;

beforeAll(async () => {
  other = await serve(ROUTES);
  server = await serve({
    ...ROUTES,
    "/busy": (_, response) => void response.writeHead(busy-- > 0 ? 503 : 200).end("at last"),
    "/elsewhere": (_, response) => void response.writeHead(302, { location: `${other.url}/ok` }).end(),
    "/to-busy": (_, response) => void response.writeHead(302, { location: "/busy" }).end(),
    "/invalid-location": (_, response) => void response.writeHead(302, { location: "http://[" }).end(),
    "/ftp-location": (_, response) => void response.writeHead(302, { location: "ftp://files.example/" }).end(),
    "/moved-endless": (_, response) => void response.writeHead(302, { location: "/ok" }).write("never ends"),
    "/page": (_, response) =>
      void response.writeHead(200, { "content-type": "application/json", link: '</last>; rel="next"' }).end("[1]"),
    "/last": (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end("[2]"),
  });
});
afterAll(async () => {
  await server.close();
  await other.close();
});
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
});
afterEach(() => telemetry.stop());

const client = wrapGot(got);
const retry = { limit: 2, calculateDelay: ({ computedValue }: { computedValue: number }) => (computedValue > 0 ? 1 : 0) };

/** The whole span of a request to the server. */
const span = (path: string, attributes: object = {}, more: object = {}, of = server): object => ({
  name: "GET",
  kind: SpanKind.CLIENT,
  status: SpanStatusCode.UNSET,
  attributes: {
    "http.request.method": "GET",
    "server.address": "127.0.0.1",
    "server.port": of.port,
    "url.full": of.url + path,
    "http.response.status_code": 200,
    "network.peer.address": "127.0.0.1",
    "network.peer.port": of.port,
    "network.protocol.version": "1.1",
    ...attributes,
  },
  events: [],
  ...more,
});

const sent = (of = server): string[][] => of.requests.map((request) => of.values("traceparent", request));
const issued = (): string[][] => telemetry.own().map((one) => [traceparentOf(one)]);

describe("a request", () => {
  it("has one span, whose traceparent is sent", async () => {
    const response = await inSpan("agent", () => client(`${server.url}/ok?sig=secret`));
    expect(response.body).toBe("hello");
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([
      span("/ok?sig=REDACTED", { "url.full": `${server.url}/ok?sig=REDACTED` }),
    ]);
    expect(sent()).toEqual(issued());
  });

  it.each([
    { shortcut: "json()", call: () => client(`${server.url}/json`).json(), body: { answer: 42 } },
    { shortcut: "text()", call: () => client(`${server.url}/ok`).text(), body: "hello" },
    {
      shortcut: "buffer()",
      call: async () => Buffer.from(await client(`${server.url}/ok`).buffer()).toString(),
      body: "hello",
    },
    {
      shortcut: "resolveBodyOnly",
      call: () => client(`${server.url}/json`, { responseType: "json", resolveBodyOnly: true }),
      body: { answer: 42 },
    },
  ])("with $shortcut has one span and the body that got returns", async ({ call, body }) => {
    expect(await call()).toEqual(body);
    expect(await telemetry.ended(1)).toHaveLength(1);
  });

  it("as a stream is the stream that got created, with all bytes", async () => {
    const stream = client.stream(`${server.url}/large`);
    expect(Object.getPrototypeOf(stream)).toBe(Object.getPrototypeOf(got.stream(`${server.url}/ok`).resume()));
    let bytes = 0;
    for await (const chunk of stream) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(5_000_000);
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([span("/large")]);
  });

  it("with a piped upload sends the whole body", async () => {
    const stream = client.stream.post(`${server.url}/echo`);
    stream.end("uploaded");
    const chunks = await stream.toArray();
    expect(Buffer.concat(chunks as Buffer[]).toString()).toBe("uploaded");
    expect((await telemetry.ended(1))[0]?.attributes["http.request.method"]).toBe("POST");
    expect(sent()).toEqual(issued());
  });

  it("to an invalid URL is rejected by got, without a span", async () => {
    const rejection = (instance: Got): Promise<unknown> =>
      instance("no url").catch(({ name, message }: Error) => ({ name, message }));
    expect(await rejection(client)).toEqual(await rejection(got));
    expect(await rejection(client)).toEqual({ name: "RequestError", message: expect.stringContaining("Invalid URL") as string });
    expect(telemetry.started()).toBe(0);
  });
});

describe("a retry", () => {
  it("has a span of its own under the same parent, with a traceparent and a resend_count", async () => {
    busy = 2;
    const response = await inSpan("agent", () => client(`${server.url}/busy`, { retry }));
    expect(response.body).toBe("at last");
    expect(response.retryCount).toBe(2);
    const failed = { "http.response.status_code": 503, "error.type": "503" };
    const spans = await telemetry.ended(3);
    expect(spans.map(shapeOf)).toEqual([
      span("/busy", failed, { status: SpanStatusCode.ERROR }),
      span("/busy", { ...failed, "http.request.resend_count": 1 }, { status: SpanStatusCode.ERROR }),
      span("/busy", { "http.request.resend_count": 2 }),
    ]);
    expect(new Set(spans.map((one) => one.parentSpanContext?.spanId)).size).toBe(1);
    expect(sent()).toEqual(issued());
  });

  it("has the traceparent that the application set as its parent, and does not send it", async () => {
    busy = 1;
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const headers = Object.freeze({ TraceParent: traceparent, tracestate: "vendor=1" });
    const { request } = await client(`${server.url}/busy`, { retry, headers });
    const spans = await telemetry.ended(2);
    expect(spans.map((one) => one.parentSpanContext?.spanId)).toEqual(["b7ad6b7169203331", "b7ad6b7169203331"]);
    expect(sent()).toEqual(issued());
    expect(server.values("tracestate")).toEqual(["vendor=1"]);
    expect(request.options.headers["traceparent"]).toBe(traceparent);
  });

  it("replaces a traceparent that a hook sets between attempts", async () => {
    busy = 1;
    const beforeRequest = [
      (options: NormalizedOptions) => {
        options.headers["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        options.headers["tracestate"] = "other=1";
      },
    ];
    await inSpan("agent", () => client(`${server.url}/busy`, { retry, hooks: { beforeRequest } }));
    await telemetry.ended(2);
    expect(sent()).toEqual(issued());
    expect(server.requests.map((request) => server.values("tracestate", request))).toEqual([[], []]);
  });

  it("of a stream that createRetryStream creates has a span of its own", async () => {
    busy = 1;
    const body = await new Promise<string>((resolve, reject) => {
      const start = (stream: ReturnType<typeof client.stream>): void => {
        stream.once("retry", (_count: number, _error: unknown, createRetryStream: () => typeof stream) =>
          start(createRetryStream()),
        );
        stream.once("error", reject);
        stream.once(
          "response",
          () => void stream.toArray().then((chunks) => resolve(Buffer.concat(chunks as Buffer[]).toString())),
        );
      };
      start(client.stream(`${server.url}/busy`, { retry }));
    });
    expect(body).toBe("at last");
    expect((await telemetry.ended(2)).map((one) => one.attributes["http.request.resend_count"])).toEqual([undefined, 1]);
    expect(sent()).toEqual(issued());
  });

  it("by retryWithMergedOptions in an afterResponse hook has a span of its own", async () => {
    const response = await inSpan("agent", () =>
      client(`${server.url}/missing`, {
        hooks: {
          afterResponse: [
            (answer, retryWithMergedOptions) =>
              answer.statusCode === 404 ? retryWithMergedOptions({ headers: { authorization: "token" } }) : answer,
          ],
        },
        throwHttpErrors: false,
      }),
    );
    expect(response.statusCode).toBe(404);
    const spans = await telemetry.ended(2);
    expect(spans.map((one) => one.attributes["http.request.resend_count"])).toEqual([undefined, 1]);
    expect(sent()).toEqual(issued());
  });
});

describe("a redirect", () => {
  it("has a span for each hop, under the same parent", async () => {
    await inSpan("agent", () => client(`${server.url}/redirect`));
    const spans = await telemetry.ended(2);
    expect(spans.map(shapeOf)).toEqual([
      span("/redirect", { "http.response.status_code": 302 }),
      span("/ok", { "http.request.resend_count": 1 }),
    ]);
    expect(spans[0]?.parentSpanContext).toEqual(spans[1]?.parentSpanContext);
    expect(sent()).toEqual(issued());
  });

  it("to another origin sends the traceparent of the hop", async () => {
    other.requests.length = 0;
    await inSpan("agent", () => client(`${server.url}/elsewhere`, { headers: { TRACEPARENT: "by hand" } }));
    const spans = await telemetry.ended(2);
    expect(spans.map(shapeOf)).toEqual([
      span("/elsewhere", { "http.response.status_code": 302 }),
      span("/ok", { "http.request.resend_count": 1 }, {}, other),
    ]);
    expect([...sent(), ...sent(other)]).toEqual(issued());
  });

  it("whose body never ends leaves no span open", async () => {
    expect((await client(`${server.url}/moved-endless`)).body).toBe("hello");
    expect((await telemetry.ended(2)).map((one) => one.attributes["http.response.status_code"])).toEqual([302, 200]);
    await telemetry.settled();
  });

  it("that is not followed has one span", async () => {
    expect((await client(`${server.url}/redirect`, { followRedirect: false })).statusCode).toBe(302);
    expect(await telemetry.ended(1)).toHaveLength(1);
  });

  it("in a loop leaves no span open", async () => {
    const error = await client(`${server.url}/loop`, { maxRedirects: 3 }).catch((reason: unknown) => reason as Error);
    expect((error as Error).name).toBe("MaxRedirectsError");
    await telemetry.settled();
    expect(telemetry.own().map((one) => one.attributes["http.request.resend_count"])).toEqual([undefined, 1, 2, 3]);
  });

  const endsWithHeaders = wrapGot(got, { endSpanOn: "headers" });
  it.each([
    { kind: "promise", call: (path: string, options: OptionsInit) => client(server.url + path, options) },
    { kind: "stream", call: (path: string, options: OptionsInit) => client.stream(server.url + path, options).toArray() },
    { kind: "endSpanOn headers", call: (path: string, options: OptionsInit) => endsWithHeaders(server.url + path, options) },
  ])("that exceeds maxRedirects ends the last span with an error ($kind)", async ({ call }) => {
    await expect(call("/loop", { maxRedirects: 2 })).rejects.toThrow("Redirected 2 times");
    const followed = { "http.response.status_code": 302 };
    const refused = { ...followed, "http.request.resend_count": 2, "error.type": "ERR_TOO_MANY_REDIRECTS" };
    expect((await telemetry.ended(3)).map(shapeOf)).toEqual([
      span("/loop", followed),
      span("/loop", { ...followed, "http.request.resend_count": 1 }),
      span("/loop", refused, { status: SpanStatusCode.ERROR, events: ["exception"] }),
    ]);
  });

  it("to an invalid location ends the span with an error", async () => {
    await expect(client(`${server.url}/invalid-location`)).rejects.toThrow("Invalid URL");
    const attributes = { "http.response.status_code": 302, "error.type": "ERR_INVALID_URL" };
    expect((await telemetry.ended(1)).map(shapeOf)).toEqual([
      span("/invalid-location", attributes, { status: SpanStatusCode.ERROR, events: ["exception"] }),
    ]);
  });

  it("to an unsupported protocol ends the span with an error", async () => {
    await expect(client(`${server.url}/ftp-location`)).rejects.toThrow("Unsupported protocol");
    expect((await telemetry.ended(1))[0]?.attributes["error.type"]).toBe("ERR_UNSUPPORTED_PROTOCOL");
  });

  it("before a retry does not count against maxRedirects after it", async () => {
    busy = 1;
    const beforeRetry = [({ options }: RequestError) => void (options.url = new URL(`${server.url}/to-busy`))];
    await client(`${server.url}/to-busy`, { retry, maxRedirects: 1, hooks: { beforeRetry } });
    expect((await telemetry.ended(4)).map((one) => one.attributes["error.type"])).toEqual([undefined, "503", undefined, undefined]);
  });

  it("that the application's function followRedirect decides to follow counts against maxRedirects", async () => {
    const followed = client(`${server.url}/redirect`, { maxRedirects: 0, followRedirect: () => true });
    await expect(followed).rejects.toThrow("Redirected 0 times");
    expect((await telemetry.ended(1))[0]?.status.code).toBe(SpanStatusCode.ERROR);
  });

  it("that the application's function followRedirect decides not to follow is not an error", async () => {
    await client(`${server.url}/redirect`, { maxRedirects: 0, followRedirect: () => false });
    expect((await telemetry.ended(1))[0]?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("of a retried request continues the resend_count", async () => {
    busy = 1;
    await client(`${server.url}/redirect`, {
      retry,
      hooks: { beforeRedirect: [(options) => void (options.url = new URL(`${server.url}/busy`))] },
    });
    const spans = await telemetry.ended(3);
    expect(spans.map((one) => one.attributes["http.request.resend_count"])).toEqual([undefined, 1, 2]);
    expect(sent()).toEqual(issued());
  });
});

describe("a page of paginate", () => {
  it("has a span of its own", async () => {
    expect(await inSpan("agent", () => client.paginate.all(`${server.url}/page`, { responseType: "json" }))).toEqual([1, 2]);
    const spans = await telemetry.ended(2);
    expect(spans.map(shapeOf)).toEqual([span("/page"), span("/last")]);
    expect(spans[0]?.parentSpanContext).toEqual(spans[1]?.parentSpanContext);
    expect(sent()).toEqual(issued());
  });

  it("that uses the options of the last one again has one span, and only the application's hooks", async () => {
    const hooks: unknown[][] = [];
    let pages = 0;
    const own = (): void => {};
    for await (const _ of client.paginate(`${server.url}/json`, {
      hooks: { beforeRequest: [own], afterResponse: [(response) => response] },
      pagination: {
        transform: () => [1],
        paginate: ({ response }) => {
          hooks.push(response.request.options.hooks.beforeRequest);
          return ++pages === 3 ? false : response.request.options;
        },
      },
    }));
    const spans = await telemetry.ended(3);
    expect(spans.map((one) => one.attributes["http.request.resend_count"])).toEqual([undefined, undefined, undefined]);
    expect(hooks).toEqual([[own], [own], [own]]);
    expect(sent()).toEqual(issued());
  });
});

describe("the option cache", () => {
  it("leaves no span for a response from the cache, and stores no traceparent", async () => {
    const cache = new Map();
    const cached = await serve({
      "/": (_, response) => void response.writeHead(200, { "cache-control": "max-age=60", vary: "accept" }).end("fresh"),
    });
    const first = await client(cached.url, { cache });
    const second = await client(cached.url, { cache });
    expect(first.isFromCache).toBe(false);
    expect(second.isFromCache).toBe(true);
    expect(second.body).toBe("fresh");
    await telemetry.settled();
    expect(telemetry.own().map(shapeOf)).toEqual([span("/", {}, {}, cached)]);
    expect(JSON.stringify([...cache.values()])).not.toContain("traceparent");
    await cached.close();
  });

  it("records the status of the server for a response that is revalidated", async () => {
    const cache = new Map();
    const cached = await serve({
      "/": (request, response) =>
        void response
          .writeHead(request.headers["if-none-match"] === '"a"' ? 304 : 200, { etag: '"a"', "cache-control": "no-cache" })
          .end(),
    });
    await client(cached.url, { cache });
    expect((await client(cached.url, { cache })).isFromCache).toBe(true);
    const spans = await telemetry.ended(2);
    expect(spans.map(outcomeOf)).toEqual([succeeded(200), succeeded(304)]);
    expect(sent(cached)).toEqual(issued());
    await cached.close();
  });
});
