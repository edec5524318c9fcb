import { once } from "node:events";
import { connect, constants, createServer } from "node:http2";
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  OutgoingHttpHeaders,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../../src/server/node.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes } from "./client.ts";

let telemetry: TestTelemetry;
let server: Http2Server;
let session: ClientHttp2Session;
let port: number;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  session.close();
  server.close();
  await telemetry.stop();
});

async function start(listener: (request: Http2ServerRequest, response: Http2ServerResponse) => void): Promise<void> {
  server = createServer(traceRequests(listener, { headersToSpanAttributes: { responseHeaders: ["x-answer"] } })).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
  session = connect(`http://127.0.0.1:${port}`);
}

function ask(headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
  return session
    .request({ ":path": "/rpc", traceparent: TRACEPARENT, ...headers })
    .on("error", () => {})
    .resume();
}

async function attributesWithout(...names: string[]): Promise<object> {
  const all = Object.entries(getAttributes(port, "/rpc", { "network.protocol.version": "2" }));
  return Object.fromEntries(all.filter(([name]) => !names.includes(name)));
}

describe("node:http2's compatibility API", () => {
  it("records a whole span in the caller's trace, and runs listeners in its context", async () => {
    const seen: (string | undefined)[] = [];
    const note = (): unknown => seen.push(trace.getActiveSpan()?.spanContext().traceId);
    await start((request, response) => {
      note();
      request.on("data", note);
      request.on("end", () => {
        note();
        response.writeHead(200, { "x-answer": "42" });
        response.end("answer");
      });
    });
    const stream = session.request({ ":path": "/rpc", ":method": "POST", traceparent: TRACEPARENT });
    stream.resume().end("body");
    await once(stream, "close");
    const [span] = await telemetry.ended(1);
    expect(seen).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(span && shapeOf(span)).toEqual({
      name: "POST",
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: {
        ...getAttributes(port, "/rpc", { "network.protocol.version": "2" }),
        "http.request.method": "POST",
        "http.response.header.x-answer": ["42"],
      },
      events: [],
    });
  });

  it("records no status and no error if the client cancels before the headers", async () => {
    await start(() => {});
    const stream = ask();
    await until(() => telemetry.started() === 1);
    stream.close(constants.NGHTTP2_CANCEL);
    const [span] = await telemetry.ended(1);
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
    expect(span?.attributes).toEqual(await attributesWithout("http.response.status_code"));
  });

  it("records the status and no error if the client cancels after the headers", async () => {
    await start((_, response) => void response.write(Buffer.from("data: x\n\n")));
    const stream = ask();
    await once(stream, "response");
    stream.close(constants.NGHTTP2_CANCEL);
    const [span] = await telemetry.ended(1);
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
    expect(span?.attributes).toEqual(await attributesWithout());
  });

  it("records the error with which the server destroys a stream", async () => {
    await start((_, response) => {
      response.write("a");
      setTimeout(() => response.stream.destroy(new RangeError("gone")), 10);
    });
    ask();
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toMatchObject({
      status: SpanStatusCode.ERROR,
      attributes: { "error.type": "RangeError", "http.response.status_code": 200 },
      events: ["exception"],
    });
  });

  it.each([
    ["NGHTTP2_INTERNAL_ERROR", constants.NGHTTP2_INTERNAL_ERROR, ["exception"]],
    ["NGHTTP2_REFUSED_STREAM", constants.NGHTTP2_REFUSED_STREAM, ["exception"]],
    ["NGHTTP2_CANCEL, for which Node.js creates no error", constants.NGHTTP2_CANCEL, []],
  ])("records an error if the server resets its own stream with %s", async (_, code, events) => {
    await start((_request, response) => {
      response.write("a");
      setImmediate(() => response.stream.close(code));
    });
    ask();
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toMatchObject({
      status: SpanStatusCode.ERROR,
      attributes: { "error.type": "ERR_HTTP2_STREAM_ERROR", "http.response.status_code": 200 },
      events,
    });
  });

  it("records an error without a status if the server resets its stream before the headers", async () => {
    await start((_request, response) => response.stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    ask();
    const [span] = await telemetry.ended(1);
    expect(span?.attributes).toEqual({
      ...(await attributesWithout("http.response.status_code")),
      "error.type": "ERR_HTTP2_STREAM_ERROR",
    });
  });

  it("records an error if the server resets its stream while data is pending", async () => {
    await start((_request, response) => {
      response.write(Buffer.alloc(1_000_000));
      setImmediate(() => response.stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    });
    const stream = session.request({ ":path": "/rpc" }).on("error", () => {});
    await once(stream, "response");
    stream.pause();
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["error.type"]).toBe("ERR_HTTP2_STREAM_ERROR");
  });

  it.each([
    ["NGHTTP2_INTERNAL_ERROR", constants.NGHTTP2_INTERNAL_ERROR],
    ["NGHTTP2_CANCEL", constants.NGHTTP2_CANCEL],
    ["NGHTTP2_NO_ERROR", constants.NGHTTP2_NO_ERROR],
  ])("records no error if the client resets the stream with %s", async (_, code) => {
    await start((_request, response) => void response.write("a"));
    const stream = ask();
    await once(stream, "response");
    stream.close(code);
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toMatchObject({ status: SpanStatusCode.UNSET, events: [] });
    expect(span?.attributes).toEqual(await attributesWithout());
  });

  it("records no error if the server closes the stream with NGHTTP2_NO_ERROR after its response", async () => {
    await start((_request, response) => {
      response.end("a");
      response.stream.close(constants.NGHTTP2_NO_ERROR);
    });
    await once(ask(), "close");
    const [span] = await telemetry.ended(1);
    expect(span?.attributes).toEqual(await attributesWithout());
  });

  it("ends the span when the response is complete though the client is still sending its body", async () => {
    await start((request, response) => {
      request.on("data", () => {});
      response.writeHead(200, { "x-answer": "42" });
      response.end("answer");
    });
    const stream = session.request({ ":path": "/rpc", ":method": "POST", traceparent: TRACEPARENT });
    stream.write("part");
    await once(stream.resume(), "end");
    const [span] = await telemetry.ended(1);
    expect(stream.writableEnded).toBe(false);
    expect(span?.attributes).toMatchObject({ "http.response.status_code": 200, "http.response.header.x-answer": ["42"] });
    stream.end("rest");
    await once(stream, "close");
    await telemetry.ended(1);
  });

  it("keeps the span open for listeners of the end of the response", async () => {
    await start((_request, response) => {
      const span = trace.getActiveSpan();
      response.on("finish", () => span?.setAttribute("by.listener", true));
      response.end("answer");
    });
    await once(ask(), "close");
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["by.listener"]).toBe(true);
  });

  it("keeps the contexts of concurrent streams apart", async () => {
    await start(async (request, response) => {
      await sleep(request.headers["x-wait"] === "1" ? 20 : 1);
      response.end(trace.getActiveSpan()?.spanContext().traceId ?? "none");
    });
    const ids = ["a", "b"].map((digit) => digit.repeat(32));
    const answers = ids.map(async (id, index) => {
      const stream = session.request({ ":path": "/", traceparent: `00-${id}-${SPAN_ID}-01`, "x-wait": String(1 - index) });
      return (await stream.setEncoding("utf8").toArray()).join("");
    });
    expect(await Promise.all(answers)).toEqual(ids);
    await telemetry.ended(2);
  });
});
