import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeTraces } from "../../src/view/otlp/encode.ts";
import { startView } from "../../src/view/server.ts";
import type { View } from "../../src/view/server.ts";
import { MAX_BODY } from "../../src/view/server/body.ts";
import type { TraceList } from "../../src/view/server/trace-list.ts";
import { sampleTrace } from "./sample.ts";
import { TRACE_ID, spanOf } from "./spans.ts";

let view: View;
let logged: string[];
beforeEach(async () => {
  logged = [];
  view = await startView({ port: 0, maxSpansPerTrace: 20, log: (line) => logged.push(line) });
});
afterEach(() => view.close());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** By node:http, which sends any headers, also those that a fetch would not. */
async function send(
  method: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
  body: string | Uint8Array = "",
): Promise<Answer> {
  const outgoing = httpRequest(view.url + path, { method, headers });
  // A server that has heard enough may close before all is sent.
  outgoing.on("error", () => {});
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

const JSON_TYPE = { "content-type": "application/json" };
const EXPORT = JSON.stringify(encodeTraces(sampleTrace()));
const kept = (): number => view.store.get(TRACE_ID)?.spans.length ?? 0;
const messageOf = ({ body }: Answer): string => (JSON.parse(body) as { message: string }).message;

describe("receiving traces", () => {
  test("an export in JSON is kept and answered as OTLP has it", async () => {
    const answer = await send("POST", "/v1/traces", JSON_TYPE, EXPORT);
    expect([answer.status, answer.headers["content-type"], answer.body]).toEqual([200, "application/json", "{}"]);
    expect(kept()).toBe(15);
  });

  test("so is one with a charset, and one compressed with gzip", async () => {
    expect((await send("POST", "/v1/traces", { "content-type": "application/json; charset=utf-8" }, EXPORT)).status).toBe(200);
    expect((await send("POST", "/v1/traces", { ...JSON_TYPE, "content-encoding": "gzip" }, gzipSync(EXPORT))).status).toBe(200);
    expect(kept()).toBe(15);
  });

  test.each(["application/x-protobuf", "application/protobuf", "application/grpc+proto"])(
    "%s is refused with the setting to change",
    async (type) => {
      const answer = await send("POST", "/v1/traces", { "content-type": type }, "\n\0");
      expect(answer.status).toBe(415);
      expect(messageOf(answer)).toContain("OTEL_EXPORTER_OTLP_PROTOCOL=http/json");
    },
  );

  test.each<[string, OutgoingHttpHeaders, string, number, string]>([
    [
      "a form, as any site may send one",
      { "content-type": "text/plain" },
      EXPORT,
      415,
      "The content type is text/plain, and should be application/json.",
    ],
    ["no content type", {}, EXPORT, 415, "The content type is missing, and should be application/json."],
    ["another compression", { ...JSON_TYPE, "content-encoding": "br" }, EXPORT, 415, "The content encoding br is not known here."],
    [
      "what is no gzip",
      { ...JSON_TYPE, "content-encoding": "gzip" },
      EXPORT,
      400,
      "The body cannot be read: incorrect header check.",
    ],
    ["what is no JSON", JSON_TYPE, "{", 400, "The body is not JSON: "],
    ["nothing", JSON_TYPE, "", 400, "The body is not JSON: "],
    ["what is no export", JSON_TYPE, '{"resourceSpans":7}', 400, "resourceSpans is 7, and should be an array."],
    ["nesting without end", JSON_TYPE, `{"resourceSpans":${"[".repeat(1_000_000)}`, 400, "The body is not JSON: "],
  ])("%s is refused with what is wrong", async (_, headers, body, status, message) => {
    const answer = await send("POST", "/v1/traces", headers, body);
    expect(answer.status).toBe(status);
    expect(messageOf(answer)).toContain(message);
    expect(view.store.traces()).toEqual([]);
  });

  test("one wrong span has the whole export refused, and named", async () => {
    const wrong = EXPORT.replace('"spanId":"a000000000000003"', '"spanId":"oops"');
    const answer = await send("POST", "/v1/traces", JSON_TYPE, wrong);
    expect([answer.status, messageOf(answer)]).toEqual([
      400,
      'resourceSpans[0].scopeSpans[0].spans[2].spanId is "oops", and should be 16 hex digits.',
    ]);
    expect(view.store.traces()).toEqual([]);
  });

  test("spans beyond the limit of a trace are told of, as OTLP's partial success", async () => {
    const spans = Array.from({ length: 25 }, (_, index) => spanOf({ spanId: (index + 1).toString(16).padStart(16, "0") }));
    const answer = await send("POST", "/v1/traces", JSON_TYPE, JSON.stringify(encodeTraces(spans)));
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      200,
      {
        partialSuccess: {
          rejectedSpans: "5",
          errorMessage: "Some traces have as many spans as a2a-otel view keeps (--max-spans).",
        },
      },
    ]);
  });

  test.each(["metrics", "logs"])("%s are taken and forgotten, in JSON and in protobuf", async (signal) => {
    const inJson = await send("POST", `/v1/${signal}`, JSON_TYPE, '{"resourceMetrics":[]}');
    expect([inJson.status, inJson.body]).toEqual([200, "{}"]);
    const inProtobuf = await send("POST", `/v1/${signal}`, { "content-type": "application/x-protobuf" }, "\n\0");
    expect([inProtobuf.status, inProtobuf.headers["content-type"], inProtobuf.body]).toEqual([200, "application/x-protobuf", ""]);
  });
});

describe("size", () => {
  test("a body that says it is too large is refused", async () => {
    const answer = await send("POST", "/v1/traces", { ...JSON_TYPE, "content-length": MAX_BODY + 1 }, "{");
    expect([answer.status, messageOf(answer)]).toEqual([413, expect.stringContaining("larger than 16 MiB") as string]);
  });

  test("so is one that does not say how large it is", async () => {
    const answer = await send("POST", "/v1/traces", { ...JSON_TYPE, "transfer-encoding": "chunked" }, " ".repeat(MAX_BODY + 1));
    expect(answer.status).toBe(413);
  });

  test("and a few bytes that unpack to many", async () => {
    const bomb = gzipSync(Buffer.alloc(MAX_BODY * 4));
    expect(bomb.length).toBeLessThan(100_000);
    expect((await send("POST", "/v1/traces", { ...JSON_TYPE, "content-encoding": "gzip" }, bomb)).status).toBe(413);
  });

  test("a sender that goes away in the middle leaves nothing behind", async () => {
    const socket = connect(Number(new URL(view.url).port), "127.0.0.1");
    socket.write("POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
    await sleep(50);
    socket.destroy();
    await sleep(50);
    expect((await send("POST", "/v1/traces", JSON_TYPE, EXPORT)).status).toBe(200);
    expect(logged.filter((line) => line.startsWith("Failed"))).toEqual([]);
  });
});

describe("who is served", () => {
  test.each<[string, string, OutgoingHttpHeaders, string]>([
    [
      "a name that was made to resolve to loopback",
      "/",
      { host: "evil.example" },
      'Requests to the host "evil.example" are not served, only those to localhost or 127.0.0.1.',
    ],
    ["such a name with the port", "/api/traces", { host: "evil.example:4318" }, "are not served"],
    ["a name that begins like loopback", "/", { host: "127.0.0.1.evil.example" }, "are not served"],
    [
      "a page of another site",
      "/api/traces",
      { origin: "https://evil.example" },
      'Requests from pages of "https://evil.example" are not served.',
    ],
    ["a page from a file", "/api/traces", { origin: "null" }, 'Requests from pages of "null" are not served.'],
    [
      "a picture on another site",
      "/api/traces",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
      "Requests from pages of other sites are not served.",
    ],
    ["a container's name for its host, beyond exports", "/", { host: "host.docker.internal:4318" }, "are not served"],
  ])("%s is not", async (_, path, headers, message) => {
    const answer = await send("GET", path, headers);
    expect([answer.status, messageOf(answer)]).toEqual([403, expect.stringContaining(message) as string]);
  });

  test.each<[string, OutgoingHttpHeaders]>([
    ["localhost", { host: "localhost:4318" }],
    ["an address of loopback", { host: "127.0.0.2" }],
    ["IPv6's loopback", { host: "[::1]:4318" }],
    ["the page's own requests", { host: "localhost:9", origin: "http://localhost:9", "sec-fetch-site": "same-origin" }],
    ["whoever follows a link from elsewhere", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }],
  ])("%s is", async (_, headers) => {
    expect((await send("GET", "/", headers)).status).toBe(200);
  });

  test("a container's exports are", async () => {
    expect((await send("POST", "/v1/traces", { ...JSON_TYPE, host: "host.docker.internal:4318" }, EXPORT)).status).toBe(200);
  });

  test("neither exports nor clearing are open to other sites", async () => {
    for (const [method, path] of [
      ["POST", "/v1/traces"],
      ["DELETE", "/api/traces"],
    ] as const) {
      expect((await send(method, path, { ...JSON_TYPE, origin: "https://evil.example" }, EXPORT)).status).toBe(403);
    }
    const preflight = await send("OPTIONS", "/v1/traces", {
      origin: "https://evil.example",
      "access-control-request-method": "POST",
    });
    expect([preflight.status, Object.keys(preflight.headers).filter((name) => name.startsWith("access-control"))]).toEqual([
      403,
      [],
    ]);
    const unasked = await send("OPTIONS", "/v1/traces");
    expect([unasked.status, unasked.headers.allow]).toEqual([405, "POST"]);
  });
});

describe("what is served", () => {
  test("the page, which may not be kept, framed or embedded", async () => {
    const { status, headers } = await send("GET", "/");
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "referrer-policy": "no-referrer",
    });
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; .*; frame-ancestors 'none'$/);
  });

  test("the list of traces, newest first, with what was refused", async () => {
    await send("POST", "/v1/traces", JSON_TYPE, EXPORT);
    await send("POST", "/v1/traces", JSON_TYPE, EXPORT.replaceAll(TRACE_ID, "e".repeat(32)));
    for (let time = 0; time < 2; time++) await send("POST", "/v1/traces", { "content-type": "application/x-protobuf" });
    const { traces, refusals, evicted } = JSON.parse((await send("GET", "/api/traces")).body) as TraceList;
    expect(traces.map(({ traceId, name, spans, errors, agents }) => [traceId, name, spans, errors, agents.length])).toEqual([
      ["e".repeat(32), "plan a journey", 15, 3, 6],
      [TRACE_ID, "plan a journey", 15, 3, 6],
    ]);
    expect(refusals).toEqual([{ count: 2, message: expect.stringContaining("protobuf") as string }]);
    expect(evicted).toBe(0);
    expect(logged).toEqual([expect.stringMatching(/^Refused an export: This receiver reads OTLP in JSON/)]);
  });

  test("a trace for the page, as OTLP that can be sent again, and as a page of its own", async () => {
    await send("POST", "/v1/traces", JSON_TYPE, EXPORT);
    const model = await send("GET", `/api/traces/${TRACE_ID}`);
    expect(JSON.parse(model.body)).toMatchObject({ traceId: TRACE_ID, name: "plan a journey" });
    const otlp = await send("GET", `/api/traces/${TRACE_ID}/otlp`);
    expect(otlp.headers["content-disposition"]).toBe(`attachment; filename="trace-${TRACE_ID}.json"`);
    expect(JSON.parse(otlp.body)).toEqual(JSON.parse(EXPORT));
    const page = await send("GET", `/traces/${TRACE_ID}.html`);
    expect(page.body).toContain("<title>plan a journey: concierge</title>");
    expect(page.headers["content-security-policy"]).not.toContain("connect-src");
  });

  test("nothing else", async () => {
    expect((await send("GET", `/api/traces/${TRACE_ID}`)).status).toBe(404);
    expect((await send("GET", "/../../etc/passwd")).status).toBe(404);
    expect((await send("GET", "/v1/traces")).status).toBe(405);
    expect((await send("PUT", "/")).status).toBe(405);
  });

  test("a request for the headers gets these alone", async () => {
    const { status, headers, body } = await send("HEAD", "/");
    expect([status, body, Number(headers["content-length"]) > 1000]).toEqual([200, "", true]);
    expect(await send("HEAD", "/api/events")).toMatchObject({ status: 200, body: "" });
  });

  test("clearing forgets traces and refusals", async () => {
    await send("POST", "/v1/traces", JSON_TYPE, EXPORT);
    await send("POST", "/v1/traces", JSON_TYPE, "{");
    expect((await send("DELETE", "/api/traces")).status).toBe(200);
    expect(JSON.parse((await send("GET", "/api/traces")).body)).toEqual({ traces: [], evicted: 0, refusals: [] });
  });
});

describe("events", () => {
  test("tell the page once of what comes in together", async () => {
    const response = await fetch(`${view.url}/api/events`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("retry: 1000\n\n");
    for (let time = 0; time < 5; time++) await send("POST", "/v1/traces", JSON_TYPE, EXPORT);
    expect((await reader?.read())?.value).toBe("event: change\ndata: \n\n");
    await reader?.cancel();
  });

  test("go to as many pages as one has open, and end with the server", async () => {
    const pages = await Promise.all(Array.from({ length: 33 }, () => fetch(`${view.url}/api/events`)));
    expect(pages.filter(({ status }) => status === 503)).toHaveLength(1);
    await view.close();
    await Promise.all(pages.map((page) => page.text().catch(() => {})));
    view = await startView({ port: 0 });
  });
});

describe("setting up", () => {
  test.each([
    [{ port: -1 }, "port is -1, and should be an integer of at least 0"],
    [{ port: 70_000 }, "port is 70000, and should be at most 65535"],
    [{ maxTraces: 0 }, "maxTraces is 0, and should be an integer of at least 1"],
    [{ maxSpansPerTrace: 1.5 }, "maxSpansPerTrace is 1.5, and should be an integer of at least 1"],
    [{ maxBytes: Number.NaN }, "maxBytes is NaN, and should be an integer of at least 1"],
  ])("%o is refused by name", async (options, message) => {
    await expect(startView({ port: 0, ...options })).rejects.toThrow(new RangeError(message));
  });

  test("a port that is in use is an error with its code", async () => {
    await expect(startView({ port: Number(new URL(view.url).port) })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test("it is reached on loopback alone", () => {
    expect(new URL(view.url).hostname).toBe("127.0.0.1");
  });
});
