import { errorMonitor } from "node:events";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { SpanStatusCode } from "@opentelemetry/api";
import axios, { create } from "axios";
import type { AxiosInstance, AxiosResponse } from "axios";
import { afterAll, afterEach, beforeAll, beforeEach, describe as suite, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { CANCELLED, GOOD, ending, failed, lasted } from "./ending.ts";
import type { Ending } from "./ending.ts";
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

const onlyEnding = async (): Promise<Ending> => ending((await telemetry.ended(1))[0]);

const getStream = (path: string, more = {}): Promise<AxiosResponse<Readable>> =>
  instance.get<Readable>(server.url + path, { responseType: "stream", ...more });

suite("a Node response stream", () => {
  it("ends the span with its last byte, and no listener is left on it", async () => {
    const { data } = await getStream("/events");
    expect(telemetry.own()).toEqual([]);
    let text = "";
    for await (const chunk of data) text += String(chunk);
    expect(text).toBe([0, 1, 2, 3, 4].map((n) => `data: ${n}\n\n`).join(""));
    const [own] = await telemetry.ended(1);
    expect(ending(own)).toEqual(GOOD);
    expect(lasted(own)).toBeGreaterThan(30);
    const plain = await axios.get<Readable>(`${server.url}/ok`, { responseType: "stream" });
    for await (const _ of plain.data);
    for (const event of ["end", "error", "close", errorMonitor])
      expect(data.listenerCount(event)).toBe(plain.data.listenerCount(event));
  });

  it("is the stream that axios made, unread and unpaused", async () => {
    const { data } = await getStream("/ok");
    expect(data.readableFlowing).toBeNull();
    expect(data.listenerCount("error")).toBe(
      (await axios.get<Readable>(`${server.url}/ok`, { responseType: "stream" })).data.listenerCount("error"),
    );
    data.resume();
    expect(await onlyEnding()).toEqual(GOOD);
  });

  it("that is unzipped ends the span; one that cannot be unzipped is an error", async () => {
    const { data } = await getStream("/zipped");
    data.resume();
    expect(await onlyEnding()).toEqual(GOOD);
    telemetry.reset();
    const broken = (await getStream("/not-zipped")).data;
    broken.on("error", () => {}).resume();
    expect(await onlyEnding()).toEqual(failed("Z_DATA_ERROR", 200));
  });

  it.each([true, false])("that is cut is an error, with and without a listener for errors (%s)", async (listen) => {
    const { data } = await getStream("/cut");
    if (listen) data.on("error", () => {});
    data.resume();
    expect(await onlyEnding()).toEqual(failed("ECONNRESET", 200));
  });

  it.each([undefined, new Error("enough")])(
    "that the application destroys is cancelled, with and without an error (%s)",
    async (reason) => {
      const { data } = await getStream("/endless");
      data.on("error", () => {}).once("data", () => data.destroy(reason));
      expect(await onlyEnding()).toEqual({ ...CANCELLED, status: 200 });
    },
  );

  it("whose loop is left, or whose reader goes away, is cancelled", async () => {
    for await (const _ of (await getStream("/endless")).data) break;
    expect(await onlyEnding()).toEqual({ ...CANCELLED, status: 200 });
    telemetry.reset();
    const sink = new PassThrough();
    const { data } = await getStream("/endless");
    setTimeout(() => sink.destroy(), 30);
    await expect(pipeline(data, sink)).rejects.toThrow("aborted");
    expect(await onlyEnding()).toEqual({ ...CANCELLED, status: 200 });
  });

  it("that is aborted is cancelled; one that times out is an error", async () => {
    const controller = new AbortController();
    const { data } = await getStream("/endless", { signal: controller.signal });
    data.on("error", () => {}).resume();
    controller.abort();
    expect(await onlyEnding()).toEqual({ ...CANCELLED, status: 200 });
    telemetry.reset();
    const timed = await getStream("/endless", { signal: AbortSignal.timeout(50) });
    timed.data.on("error", () => {}).resume();
    expect(await onlyEnding()).toEqual(failed("TimeoutError", 200));
  });

  it("of a status that is rejected ends the span when it has been read", async () => {
    const error = await getStream("/broken").catch((reason: unknown) => reason as { response: AxiosResponse<Readable> });
    expect(telemetry.own()).toEqual([]);
    (error as { response: AxiosResponse<Readable> }).response.data.resume();
    expect(await onlyEnding()).toEqual({ status: 500, code: SpanStatusCode.ERROR, type: "500", exceptions: 0 });
  });

  it("that is never read holds the span back no longer than some seconds, and it bears the time of its headers", async () => {
    const { data } = await getStream("/endless");
    await telemetry.ended(1, 6000);
    expect(ending(telemetry.own()[0])).toEqual(GOOD);
    expect(lasted(telemetry.own()[0])).toBeLessThan(1000);
    data.destroy();
  });
});

const getWebStream = (path: string, more = {}): Promise<AxiosResponse<ReadableStream<Uint8Array>>> =>
  instance.get(server.url + path, { adapter: "fetch", responseType: "stream", ...more });

suite("a web response stream of the fetch adapter", () => {
  it("ends the span with its last byte", async () => {
    const { data } = await getWebStream("/events");
    expect(telemetry.own()).toEqual([]);
    expect(await new Response(data).text()).toContain("data: 4");
    const [own] = await telemetry.ended(1);
    expect(ending(own)).toEqual(GOOD);
    expect(lasted(own)).toBeGreaterThan(30);
  });

  it("after a redirect ends the span with the last hop's", async () => {
    const { data } = await getWebStream("/redirect");
    expect(await new Response(data).text()).toBe("hello");
    expect(await onlyEnding()).toEqual(GOOD);
  });

  it("that is cut is an error", async () => {
    const { data } = await getWebStream("/cut");
    await expect(new Response(data).text()).rejects.toThrow("terminated");
    const { code, type, status } = await onlyEnding();
    expect({ code, type, status }).toEqual({ code: SpanStatusCode.ERROR, type: "UND_ERR_SOCKET", status: 200 });
  });

  it("that is cancelled or aborted is no error; one that times out is", async () => {
    const { data } = await getWebStream("/endless");
    await data.cancel("enough");
    expect(await onlyEnding()).toEqual({ ...CANCELLED, status: 200 });
    telemetry.reset();
    const controller = new AbortController();
    const aborted = await getWebStream("/endless", { signal: controller.signal });
    controller.abort();
    await expect(new Response(aborted.data).text()).rejects.toThrow("aborted");
    expect(await onlyEnding()).toEqual({ ...CANCELLED, status: 200 });
    telemetry.reset();
    const timed = await getWebStream("/endless", { signal: AbortSignal.timeout(50) });
    await expect(new Response(timed.data).text()).rejects.toThrow(/abort|timeout/);
    expect(await onlyEnding()).toEqual(failed("TimeoutError", 200));
  });
});
