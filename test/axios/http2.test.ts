import http2 from "node:http2";
import type { Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import axios, { create } from "axios";
import type { AxiosInstance } from "axios";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { shapeOf, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";

let server: Http2Server;
let received: unknown[];
let port: number;
let url: string;
let telemetry: TestTelemetry;
let instance: AxiosInstance;

beforeAll(async () => {
  server = http2.createServer((request, response) => {
    received.push(request.headers["traceparent"]);
    if (request.url === "/broken") response.writeHead(500, { "x-answer": "42" }).end("broken");
    else if (request.url === "/cut") {
      response.write("first");
      setTimeout(() => response.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR), 30);
    } else response.end("hello");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
  url = `http://127.0.0.1:${port}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  received = [];
  instance = create({ httpVersion: 2, http2Options: { sessionTimeout: 50 } });
  instrumentAxios(instance, { headersToSpanAttributes: { responseHeaders: ["x-answer"] } });
});
afterEach(() => telemetry.stop());

const span = (path: string, attributes: object, more: object = {}): object => ({
  name: "GET",
  kind: SpanKind.CLIENT,
  status: SpanStatusCode.UNSET,
  attributes: {
    "http.request.method": "GET",
    "server.address": "127.0.0.1",
    "server.port": port,
    "url.full": url + path,
    "network.protocol.version": "2",
    ...attributes,
  },
  events: [],
  ...more,
});
const peer = (): object => ({ "network.peer.address": "127.0.0.1", "network.peer.port": port });
const onlySpan = async (): Promise<SpanShape> => shapeOf((await telemetry.ended(1))[0]!);

// axios supports HTTP/2 since 1.13.
const [major = 0, minor = 0] = axios.VERSION.split(".").map(Number);

describe.skipIf(major === 1 && minor < 13)("a request over HTTP/2", () => {
  it("has one span with the version of the protocol, and carries its traceparent", async () => {
    expect((await instance.get<string>(`${url}/ok`)).data).toBe("hello");
    expect(await onlySpan()).toEqual(span("/ok", { ...peer(), "http.response.status_code": 200 }));
    expect(received).toEqual(telemetry.own().map(traceparentOf));
  });

  it("has the version and the headers of a response whose status is rejected", async () => {
    await expect(instance.get(`${url}/broken`)).rejects.toThrow("500");
    const attributes = {
      ...peer(),
      "http.response.status_code": 500,
      "http.response.header.x-answer": ["42"],
      "error.type": "500",
    };
    expect(await onlySpan()).toEqual(span("/broken", attributes, { status: SpanStatusCode.ERROR }));
  });

  it("has the version and the status of a response whose body fails", async () => {
    await expect(instance.get(`${url}/cut`)).rejects.toThrow("NGHTTP2_INTERNAL_ERROR");
    const attributes = { "http.response.status_code": 200, "error.type": "ERR_HTTP2_STREAM_ERROR" };
    expect(await onlySpan()).toEqual(span("/cut", attributes, { status: SpanStatusCode.ERROR, events: ["exception"] }));
  });

  it("has a span that ends with the last byte of a response stream", async () => {
    const { data } = await instance.get<Readable>(`${url}/ok`, { responseType: "stream" });
    expect(telemetry.own()).toEqual([]);
    expect(Buffer.concat((await data.toArray()) as Buffer[]).toString()).toBe("hello");
    expect(await onlySpan()).toEqual(span("/ok", { ...peer(), "http.response.status_code": 200 }));
  });
});
