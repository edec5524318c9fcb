import { errorMonitor } from "node:events";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import axios, { create } from "axios";
import type { AxiosInstance, AxiosResponse } from "axios";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import {
  cancelled,
  endedBefore,
  failed,
  failedByStatus,
  millisecondsOf,
  now,
  onlyOutcome,
  outcomeOf,
  succeeded,
} from "../support/outcome.ts";
import type { Outcome } from "../support/outcome.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let server: TestServer;
let telemetry: TestTelemetry;
let instance: AxiosInstance;

beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/zipped": (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("unzipped")),
    "/not-zipped": (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end("not zipped at all"),
  });
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  instance = create();
  instrumentAxios(instance);
});
afterEach(() => telemetry.stop());

/** The reason that `AbortSignal.timeout` aborts with. */
const TIMEOUT = new DOMException("The operation was aborted due to timeout", "TimeoutError");
const outcome = (): Promise<Outcome> => onlyOutcome(telemetry);

const getStream = (path: string, more = {}): Promise<AxiosResponse<Readable>> =>
  instance.get<Readable>(server.url + path, { responseType: "stream", ...more });

describe("a response stream of Node's", () => {
  it("ends the span with its last byte, and keeps no listener of ours", async () => {
    const { data } = await getStream("/events");
    expect(telemetry.own()).toEqual([]);
    let text = "";
    for await (const chunk of data) text += String(chunk);
    expect(text).toBe([0, 1, 2, 3, 4].map((n) => `data: ${n}\n\n`).join(""));
    const [own] = await telemetry.ended(1);
    expect(outcomeOf(own!)).toEqual(succeeded());
    expect(millisecondsOf(own!)).toBeGreaterThan(30);
    const plain = await axios.get<Readable>(`${server.url}/ok`, { responseType: "stream" });
    for await (const _ of plain.data);
    for (const event of ["end", "error", "close", errorMonitor])
      expect(data.listenerCount(event)).toBe(plain.data.listenerCount(event));
  });

  it("is the stream that axios created, and is not read by us", async () => {
    const { data } = await getStream("/ok");
    expect(data.readableFlowing).toBeNull();
    expect(data.listenerCount("error")).toBe(
      (await axios.get<Readable>(`${server.url}/ok`, { responseType: "stream" })).data.listenerCount("error"),
    );
    data.resume();
    expect(await outcome()).toEqual(succeeded());
  });

  it("ends the span if it is decompressed, with an error if it cannot be decompressed", async () => {
    const { data } = await getStream("/zipped");
    data.resume();
    expect(await outcome()).toEqual(succeeded());
    telemetry.reset();
    const broken = (await getStream("/not-zipped")).data;
    broken.on("error", () => {}).resume();
    expect(await outcome()).toEqual(failed("Z_DATA_ERROR", 200));
  });

  it.each([true, false])("records an error if the connection is cut (with a listener for errors: %s)", async (listen) => {
    const { data } = await getStream("/cut");
    if (listen) data.on("error", () => {});
    data.resume();
    expect(await outcome()).toEqual(failed("ECONNRESET", 200));
  });

  it.each([undefined, new Error("enough")])("records no error if the application destroys it with %s", async (reason) => {
    const { data } = await getStream("/endless");
    data.on("error", () => {}).once("data", () => data.destroy(reason));
    expect(await outcome()).toEqual(cancelled(200));
  });

  it("records no error if a loop over it is left, or its destination is destroyed", async () => {
    for await (const _ of (await getStream("/endless")).data) break;
    expect(await outcome()).toEqual(cancelled(200));
    telemetry.reset();
    const sink = new PassThrough();
    const { data } = await getStream("/endless");
    setTimeout(() => sink.destroy(), 30);
    await expect(pipeline(data, sink)).rejects.toThrow("aborted");
    expect(await outcome()).toEqual(cancelled(200));
  });

  it("records no error if it is aborted, but an error if it times out", async () => {
    const controller = new AbortController();
    const { data } = await getStream("/endless", { signal: controller.signal });
    data.on("error", () => {}).resume();
    controller.abort();
    expect(await outcome()).toEqual(cancelled(200));
    telemetry.reset();
    const timeout = new AbortController();
    const timed = await getStream("/endless", { signal: timeout.signal });
    timed.data.on("error", () => {}).resume();
    timeout.abort(TIMEOUT);
    expect(await outcome()).toEqual(failed("TimeoutError", 200));
  });

  it("ends the span with its last byte if the status is rejected", async () => {
    const error = await getStream("/broken").catch((reason: unknown) => reason as { response: AxiosResponse<Readable> });
    expect(telemetry.own()).toEqual([]);
    (error as { response: AxiosResponse<Readable> }).response.data.resume();
    expect(await outcome()).toEqual(failedByStatus(500));
  });

  it("ends the span at the time of its headers if it is not read for three seconds", async () => {
    const { data } = await getStream("/endless");
    const headersArrived = now();
    const [span] = await telemetry.ended(1);
    expect(await outcome()).toEqual(succeeded());
    expect(endedBefore(span!, headersArrived)).toBe(true);
    data.destroy();
  });
});

const getWebStream = (path: string, more = {}): Promise<AxiosResponse<ReadableStream<Uint8Array>>> =>
  instance.get(server.url + path, { adapter: "fetch", responseType: "stream", ...more });

describe("a web response stream of the fetch adapter", () => {
  it("ends the span with its last byte", async () => {
    const { data } = await getWebStream("/events");
    expect(telemetry.own()).toEqual([]);
    expect(await new Response(data).text()).toContain("data: 4");
    const [own] = await telemetry.ended(1);
    expect(outcomeOf(own!)).toEqual(succeeded());
    expect(millisecondsOf(own!)).toBeGreaterThan(30);
  });

  it("ends the span with the last byte of the last hop after a redirect", async () => {
    const { data } = await getWebStream("/redirect");
    expect(await new Response(data).text()).toBe("hello");
    const spans = await telemetry.ended(2);
    expect(spans.map(outcomeOf)).toEqual([succeeded(302), succeeded()]);
  });

  it("records an error if the connection is cut", async () => {
    const { data } = await getWebStream("/cut");
    await expect(new Response(data).text()).rejects.toThrow("terminated");
    expect(await outcome()).toEqual(failed("UND_ERR_SOCKET", 200));
  });

  it("records no error if it is cancelled or aborted, but an error if it times out", async () => {
    const { data } = await getWebStream("/endless");
    await data.cancel("enough");
    expect(await outcome()).toEqual(cancelled(200));
    telemetry.reset();
    const controller = new AbortController();
    const aborted = await getWebStream("/endless", { signal: controller.signal });
    controller.abort();
    await expect(new Response(aborted.data).text()).rejects.toThrow("aborted");
    expect(await outcome()).toEqual(cancelled(200));
    telemetry.reset();
    const timeout = new AbortController();
    const timed = await getWebStream("/endless", { signal: timeout.signal });
    timeout.abort(TIMEOUT);
    await expect(new Response(timed.data).text()).rejects.toThrow(/abort|timeout/);
    expect(await outcome()).toEqual(failed("TimeoutError", 200));
  });
});
