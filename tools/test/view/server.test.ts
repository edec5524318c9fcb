import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeTraces } from "../../src/view/otlp/encode.ts";
import { startView } from "../../src/view/server.ts";
import type { View } from "../../src/view/server.ts";
import { MAX_BODY } from "../../src/view/server/receive.ts";
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

/** An ExportTraceServiceRequest in protobuf: length-delimited fields of four messages, and of each span its ids, its name and its start. */
function exportInProtobuf(spans: { traceId: Buffer; spanId: Buffer; name: string; startTimeUnixNano: bigint }[]): Buffer {
  const field = (number: number, content: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
  const encoded = spans.map(({ traceId, spanId, name, startTimeUnixNano }) => {
    const start = Buffer.alloc(9);
    start[0] = (7 << 3) | 1;
    start.writeBigUInt64LE(startTimeUnixNano, 1);
    return field(2, Buffer.concat([field(1, traceId), field(2, spanId), field(5, Buffer.from(name)), start]));
  });
  return field(1, field(2, Buffer.concat(encoded)));
}

const JSON_TYPE = { "content-type": "application/json" };
const EXPORT = JSON.stringify(encodeTraces(sampleTrace()));
const kept = (): number => view.store.get(TRACE_ID)?.spans.length ?? 0;
const messageOf = ({ body }: Answer): string => (JSON.parse(body) as { message: string }).message;

describe("POST /v1/traces", () => {
  it("stores an export in JSON and answers as OTLP requires", async () => {
    const answer = await send("POST", "/v1/traces", JSON_TYPE, EXPORT);
    expect(answer.status).toEqual(200);
    expect(answer.headers["content-type"]).toEqual("application/json");
    expect(answer.body).toEqual("{}");
    expect(kept()).toBe(15);
  });

  it("accepts a charset and compression with gzip", async () => {
    expect((await send("POST", "/v1/traces", { "content-type": "application/json; charset=utf-8" }, EXPORT)).status).toBe(200);
    expect((await send("POST", "/v1/traces", { ...JSON_TYPE, "content-encoding": "gzip" }, gzipSync(EXPORT))).status).toBe(200);
    expect(kept()).toBe(15);
  });

  it("refuses gRPC with the setting to change", async () => {
    const answer = await send("POST", "/v1/traces", { "content-type": "application/grpc+proto" }, "\n\0");
    expect(answer.status).toBe(415);
    expect(messageOf(answer)).toContain("OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf");
  });

  it.each<[string, OutgoingHttpHeaders, string, number, string]>([
    [
      "a form, which any site may send,",
      { "content-type": "text/plain" },
      EXPORT,
      415,
      "The content type is text/plain, but must be application/json or application/x-protobuf.",
    ],
    ["no content type", {}, EXPORT, 415, "The content type is missing, but must be application/json or application/x-protobuf."],
    ["another compression", { ...JSON_TYPE, "content-encoding": "br" }, EXPORT, 415, "The content encoding br is not supported."],
    [
      "what is no gzip",
      { ...JSON_TYPE, "content-encoding": "gzip" },
      EXPORT,
      400,
      "The body cannot be read: incorrect header check.",
    ],
    ["what is no JSON", JSON_TYPE, "{", 400, "The body is not JSON: "],
    ["nothing", JSON_TYPE, "", 400, "The body is not JSON: "],
    ["JSON that is not an export", JSON_TYPE, '{"resourceSpans":7}', 400, "resourceSpans is 7, but must be an array."],
    ["nesting without end", JSON_TYPE, `{"resourceSpans":${"[".repeat(1_000_000)}`, 400, "The body is not JSON: "],
  ])("refuses %s with a message", async (_, headers, body, status, message) => {
    const answer = await send("POST", "/v1/traces", headers, body);
    expect(answer.status).toBe(status);
    expect(messageOf(answer)).toContain(message);
    expect(view.store.traces()).toEqual([]);
  });

  it("stores the valid spans of an export in protobuf, and reports the invalid one as a partial success in protobuf", async () => {
    const span = { name: "a", startTimeUnixNano: 1_760_000_000_000_000_000n };
    const spans = [
      { ...span, traceId: Buffer.from(TRACE_ID, "hex"), spanId: Buffer.from("a000000000000001", "hex") },
      { ...span, traceId: Buffer.from(TRACE_ID, "hex"), spanId: Buffer.from("oops") },
    ];
    const body = exportInProtobuf(spans);
    const answer = await send("POST", "/v1/traces", { "content-type": "application/x-protobuf" }, body);
    expect(answer.status).toEqual(200);
    expect(answer.headers["content-type"]).toEqual("application/x-protobuf");
    expect(answer.body).toContain('resourceSpans[0].scopeSpans[0].spans[1].spanId is "6f6f7073", but must be 16 hex digits.');
    expect(kept()).toBe(1);
  });

  it("refuses what is no protobuf with a status in protobuf", async () => {
    const answer = await send("POST", "/v1/traces", { "content-type": "application/x-protobuf" }, "x");
    expect(answer.status).toEqual(400);
    expect(answer.headers["content-type"]).toEqual("application/x-protobuf");
    expect(answer.body).toContain("The body is not an export in Protocol Buffers: ");
  });

  it("stores the valid spans of an export, and reports the invalid one as a partial success", async () => {
    const wrong = EXPORT.replace('"spanId":"a000000000000003"', '"spanId":"oops"');
    const answer = await send("POST", "/v1/traces", JSON_TYPE, wrong);
    expect(answer.status).toEqual(200);
    expect(JSON.parse(answer.body)).toEqual({
      partialSuccess: {
        rejectedSpans: "1",
        errorMessage: 'resourceSpans[0].scopeSpans[0].spans[2].spanId is "oops", but must be 16 hex digits.',
      },
    });
    expect(view.store.traces()[0]?.spans).toHaveLength(sampleTrace().length - 1);
  });

  it("reports spans beyond the limit of a trace as a partial success", async () => {
    const spans = Array.from({ length: 25 }, (_, index) => spanOf({ spanId: (index + 1).toString(16).padStart(16, "0") }));
    const answer = await send("POST", "/v1/traces", JSON_TYPE, JSON.stringify(encodeTraces(spans)));
    expect(answer.status).toEqual(200);
    expect(JSON.parse(answer.body)).toEqual({
      partialSuccess: {
        rejectedSpans: "5",
        errorMessage: "Some traces have more spans than a2a-otel-cli view keeps (--max-spans).",
      },
    });
  });

  it.each(["metrics", "logs"])("accepts and discards %s, in JSON and in protobuf", async (signal) => {
    const inJson = await send("POST", `/v1/${signal}`, JSON_TYPE, '{"resourceMetrics":[]}');
    expect(inJson.status).toEqual(200);
    expect(inJson.body).toEqual("{}");
    const inProtobuf = await send("POST", `/v1/${signal}`, { "content-type": "application/x-protobuf" }, "\n\0");
    expect(inProtobuf.status).toEqual(200);
    expect(inProtobuf.headers["content-type"]).toEqual("application/x-protobuf");
    expect(inProtobuf.body).toEqual("");
  });
});

describe("the size limit", () => {
  it("refuses a body whose length is too large", async () => {
    const answer = await send("POST", "/v1/traces", { ...JSON_TYPE, "content-length": MAX_BODY + 1 }, "{");
    expect(answer.status).toEqual(413);
    expect(messageOf(answer)).toEqual(expect.stringContaining("larger than 16 MiB") as string);
  });

  it("refuses a body without a length that is too large", async () => {
    const answer = await send("POST", "/v1/traces", { ...JSON_TYPE, "transfer-encoding": "chunked" }, " ".repeat(MAX_BODY + 1));
    expect(answer.status).toBe(413);
  });

  it("refuses a compressed body that is too large", async () => {
    const bomb = gzipSync(Buffer.alloc(MAX_BODY * 4));
    expect(bomb.length).toBeLessThan(100_000);
    expect((await send("POST", "/v1/traces", { ...JSON_TYPE, "content-encoding": "gzip" }, bomb)).status).toBe(413);
  });

  it("stores nothing if the sender disconnects", async () => {
    const socket = connect(Number(new URL(view.url).port), "127.0.0.1");
    socket.write("POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
    await sleep(50);
    socket.destroy();
    await sleep(50);
    expect((await send("POST", "/v1/traces", JSON_TYPE, EXPORT)).status).toBe(200);
    expect(logged.filter((line) => line.startsWith("Failed"))).toEqual([]);
  });
});

describe("the admission of requests", () => {
  it.each<[string, string, OutgoingHttpHeaders, string]>([
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
  ])("refuses %s", async (_, path, headers, message) => {
    const answer = await send("GET", path, headers);
    expect(answer.status).toEqual(403);
    expect(messageOf(answer)).toEqual(expect.stringContaining(message) as string);
  });

  it.each<[string, OutgoingHttpHeaders]>([
    ["localhost", { host: "localhost:4318" }],
    ["an address of loopback", { host: "127.0.0.2" }],
    ["IPv6's loopback", { host: "[::1]:4318" }],
    ["the page's own requests", { host: "localhost:9", origin: "http://localhost:9", "sec-fetch-site": "same-origin" }],
    ["a link on another site", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }],
  ])("accepts %s", async (_, headers) => {
    expect((await send("GET", "/", headers)).status).toBe(200);
  });

  it("accepts exports of a container", async () => {
    expect((await send("POST", "/v1/traces", { ...JSON_TYPE, host: "host.docker.internal:4318" }, EXPORT)).status).toBe(200);
  });

  it("refuses exports and deletions from other sites", async () => {
    for (const [method, path] of [
      ["POST", "/v1/traces"],
      ["DELETE", "/api/traces"],
    ] as const) {
      const body = method === "POST" ? EXPORT : "";
      expect((await send(method, path, { ...JSON_TYPE, origin: "https://evil.example" }, body)).status).toBe(403);
    }
    const preflight = await send("OPTIONS", "/v1/traces", {
      origin: "https://evil.example",
      "access-control-request-method": "POST",
    });
    expect(preflight.status).toEqual(403);
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    const unasked = await send("OPTIONS", "/v1/traces");
    expect(unasked.status).toEqual(405);
    expect(unasked.headers.allow).toEqual("POST");
  });
});

describe("the server", () => {
  it("serves the page, which must not be cached, framed or embedded", async () => {
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

  it("serves the list of traces, newest first, with refused exports", async () => {
    await send("POST", "/v1/traces", JSON_TYPE, EXPORT);
    await send("POST", "/v1/traces", JSON_TYPE, EXPORT.replaceAll(TRACE_ID, "e".repeat(32)));
    for (let time = 0; time < 2; time++) await send("POST", "/v1/traces", { "content-type": "application/grpc" });
    const { traces, refusals, evicted } = JSON.parse((await send("GET", "/api/traces")).body) as TraceList;
    expect(traces.map(({ traceId, name, spans, errors, agents }) => [traceId, name, spans, errors, agents.length])).toEqual([
      ["e".repeat(32), "plan a journey", 15, 3, 6],
      [TRACE_ID, "plan a journey", 15, 3, 6],
    ]);
    expect(refusals).toEqual([{ count: 2, message: expect.stringContaining("gRPC") as string }]);
    expect(evicted).toBe(0);
    expect(logged).toEqual([
      expect.stringMatching(/^Refused an export: This receiver reads OTLP over HTTP, but the export is gRPC/),
    ]);
  });

  it("serves a trace as data, as OTLP and as a self-contained page", async () => {
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

  it("serves nothing else", async () => {
    expect((await send("GET", `/api/traces/${TRACE_ID}`)).status).toBe(404);
    expect((await send("GET", "/../../etc/passwd")).status).toBe(404);
    expect((await send("GET", "/v1/traces")).status).toBe(405);
    expect((await send("PUT", "/")).status).toBe(405);
  });

  it("answers HEAD requests with headers only", async () => {
    const { status, headers, body } = await send("HEAD", "/");
    expect(status).toEqual(200);
    expect(body).toEqual("");
    expect(Number(headers["content-length"]) > 1000).toEqual(true);
    expect(await send("HEAD", "/api/events")).toMatchObject({ status: 200, body: "" });
  });

  it("deletes traces and refusals", async () => {
    await send("POST", "/v1/traces", JSON_TYPE, EXPORT);
    await send("POST", "/v1/traces", JSON_TYPE, "{");
    expect((await send("DELETE", "/api/traces")).status).toBe(200);
    expect(JSON.parse((await send("GET", "/api/traces")).body)).toEqual({ traces: [], evicted: 0, refusals: [] });
  });
});

describe("events", () => {
  it("notify the page once of several changes", async () => {
    const response = await fetch(`${view.url}/api/events`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("retry: 1000\n\n");
    for (let time = 0; time < 5; time++) await send("POST", "/v1/traces", JSON_TYPE, EXPORT);
    expect((await reader?.read())?.value).toBe("event: change\ndata: \n\n");
    await reader?.cancel();
  });

  it("are sent to a limited number of pages, and end with the server", async () => {
    const pages = await Promise.all(Array.from({ length: 33 }, () => fetch(`${view.url}/api/events`)));
    expect(pages.filter(({ status }) => status === 503)).toHaveLength(1);
    await view.close();
    await Promise.all(pages.map((page) => page.text().catch(() => {})));
    view = await startView({ port: 0 });
  });
});

describe("startView()", () => {
  it.each([
    [{ port: -1 }, "port is -1, but must be an integer of at least 0"],
    [{ port: 70_000 }, "port is 70000, but must be at most 65535"],
    [{ maxTraces: 0 }, "maxTraces is 0, but must be an integer of at least 1"],
    [{ maxSpansPerTrace: 1.5 }, "maxSpansPerTrace is 1.5, but must be an integer of at least 1"],
    [{ maxBytes: Number.NaN }, "maxBytes is NaN, but must be an integer of at least 1"],
  ])("refuses the option %o", async (options, message) => {
    await expect(startView({ port: 0, ...options })).rejects.toThrow(new RangeError(message));
  });

  it("rejects with the error code if the port is in use", async () => {
    await expect(startView({ port: Number(new URL(view.url).port) })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("listens on loopback only", () => {
    expect(new URL(view.url).hostname).toBe("127.0.0.1");
  });
});
