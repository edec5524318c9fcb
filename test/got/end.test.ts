import { Agent } from "node:http";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import got from "got";
import * as gotModule from "got";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { wrapGot } from "../../src/got.ts";
import { cancelled, endedBefore, failed, failedByStatus, millisecondsOf, now, onlyOutcome, succeeded } from "../support/outcome.ts";
import type { Outcome } from "../support/outcome.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;

beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/hang-up": (_, response) => void response.socket?.end(),
    "/nonsense": (_, response) => void response.socket?.end("nonsense\r\n\r\n"),
    "/bad-gzip": (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end("no gzip"),
    "/unfinished": (_, response) => void response.writeHead(200).write("first"),
  });
  server.server.on("upgrade", (_, socket) =>
    socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
  );
});
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

const client = wrapGot(got.extend({ retry: { limit: 0 } }));
const hasCancel = "CancelError" in gotModule;
const outcome = (): Promise<Outcome> => onlyOutcome(telemetry);

const rejection = async (call: Promise<unknown>): Promise<{ name: string; code: unknown }> => {
  const error = await call.then(
    () => expect.fail("the call was expected to fail"),
    (reason: unknown) => reason as Error & { code?: unknown },
  );
  return { name: error.name, code: error.code };
};

async function* failingSource(): AsyncGenerator<string> {
  yield "first";
  await new Promise((resolve) => setTimeout(resolve, 20));
  throw Object.assign(new Error("the source failed"), { code: "EIO" });
}

const soon = (action: () => void): void => void setTimeout(action, 30);
const responseOf = (stream: Readable): Promise<unknown> => new Promise((resolve) => stream.once("response", resolve));

describe("a failure", () => {
  it.each(["promise", "stream"])("records EPROTO if the server does not speak TLS (%s)", async (kind) => {
    const url = `https://127.0.0.1:${server.port}/`;
    expect((await rejection(kind === "stream" ? client.stream(url).toArray() : client(url))).code).toBe("EPROTO");
    expect(await outcome()).toEqual(failed("EPROTO"));
  });

  it("records ECONNREFUSED if the connection is refused", async () => {
    const closed = await serve({});
    await closed.close();
    expect(await rejection(client(closed.url))).toEqual({ name: "RequestError", code: "ECONNREFUSED" });
    expect(await outcome()).toEqual(failed("ECONNREFUSED"));
  });

  it.each([
    { path: "/reset", errorType: "ECONNRESET", statusCode: undefined },
    { path: "/hang-up", errorType: "ECONNRESET", statusCode: undefined },
    { path: "/nonsense", errorType: "HPE_INVALID_CONSTANT", statusCode: undefined },
    { path: "/cut", errorType: "ECONNRESET", statusCode: 200 },
  ])("records $errorType for a promise whose server fails at $path", async ({ path, errorType, statusCode }) => {
    await rejection(client(server.url + path));
    expect(await outcome()).toEqual(failed(errorType, statusCode));
  });

  it.each([
    { path: "/reset", statusCode: undefined },
    { path: "/hang-up", statusCode: undefined },
    { path: "/cut", statusCode: 200 },
  ])("records ECONNRESET for a stream whose server fails at $path", async ({ path, statusCode }) => {
    await rejection(client.stream(server.url + path).toArray());
    expect(await outcome()).toEqual(failed("ECONNRESET", statusCode));
  });

  it("records ECONNRESET if the application's agent destroys the connection of a stream", async () => {
    const agent = new Agent();
    const stream = client.stream(`${server.url}/unfinished`, { agent: { http: agent } });
    stream.once("data", () => agent.destroy());
    expect((await rejection(stream.toArray())).code).toBe("ECONNRESET");
    expect(await outcome()).toEqual(failed("ECONNRESET", 200));
  });

  it.each([
    { name: "response", path: "/stall", timeout: { response: 30 }, statusCode: undefined },
    { name: "request", path: "/stall", timeout: { request: 30 }, statusCode: undefined },
    { name: "request, in the body", path: "/unfinished", timeout: { request: 60 }, statusCode: 200 },
    { name: "socket, in the body", path: "/unfinished", timeout: { socket: 40 }, statusCode: 200 },
  ])("records ETIMEDOUT for got's own timeout: $name", async ({ path, timeout, statusCode }) => {
    expect(await rejection(client(server.url + path, { timeout }))).toEqual({ name: "TimeoutError", code: "ETIMEDOUT" });
    expect(await outcome()).toEqual(failed("ETIMEDOUT", statusCode));
  });

  it.each([
    { path: "/stall", statusCode: undefined },
    { path: "/unfinished", statusCode: 200 },
  ])("records TimeoutError for AbortSignal.timeout at $path", async ({ path, statusCode }) => {
    await rejection(client(server.url + path, { signal: AbortSignal.timeout(40) }));
    expect(await outcome()).toEqual(failed("TimeoutError", statusCode));
  });

  it("records ERR_UPLOAD if the generator of an upload fails", async () => {
    await rejection(client.post(`${server.url}/echo`, { body: failingSource() }));
    expect(await outcome()).toEqual(failed("ERR_UPLOAD"));
  });

  it("records the error of the stream of an upload", async () => {
    await rejection(client.post(`${server.url}/echo`, { body: Readable.from(failingSource()) }));
    expect(await outcome()).toEqual(failed("EIO"));
  });

  it("records got's error for a stream whose upload fails", async () => {
    const { code } = await rejection(client.stream.post(`${server.url}/echo`, { body: failingSource() }).toArray());
    expect(await outcome()).toEqual(failed(code as string));
  });

  it("records ERR_INVALID_CHAR for a header that Node refuses", async () => {
    await rejection(client(`${server.url}/ok`, { headers: { "x-a": "a\nb" } }));
    expect(await outcome()).toEqual(failed("ERR_INVALID_CHAR"));
  });

  it("is recorded by its status code without an exception if got does not throw for a 500", async () => {
    expect((await client(`${server.url}/broken`, { throwHttpErrors: false })).statusCode).toBe(500);
    expect(await outcome()).toEqual(failedByStatus(500));
  });

  it.each(["promise", "stream"])(
    "is recorded by its status code without an exception if got throws for a 500 (%s)",
    async (kind) => {
      const url = `${server.url}/broken`;
      expect((await rejection(kind === "stream" ? client.stream(url).toArray() : client(url))).name).toBe("HTTPError");
      expect(await outcome()).toEqual(failedByStatus(500));
    },
  );
});

describe("a cancel", () => {
  it.each([
    { path: "/stall", statusCode: undefined },
    { path: "/unfinished", statusCode: 200 },
  ])("is not an error if the application aborts a promise at $path", async ({ path, statusCode }) => {
    const controller = new AbortController();
    soon(() => controller.abort());
    expect((await rejection(client(server.url + path, { signal: controller.signal }))).name).toBe("AbortError");
    expect(await outcome()).toEqual(cancelled(statusCode));
  });

  it("is not an error if the application aborts with a reason of its own", async () => {
    const controller = new AbortController();
    soon(() => controller.abort(new RangeError("no longer needed")));
    await rejection(client(`${server.url}/stall`, { signal: controller.signal }));
    expect(await outcome()).toEqual(cancelled());
  });

  it.skipIf(!hasCancel)("is not an error for promise.cancel(), which got 14 has", async () => {
    const promise = client(`${server.url}/stall`) as unknown as Promise<unknown> & { cancel: () => void };
    soon(() => promise.cancel());
    expect((await rejection(promise)).name).toBe("CancelError");
    expect(await outcome()).toEqual(cancelled());
  });

  it.each([
    { path: "/stall", statusCode: undefined },
    { path: "/unfinished", statusCode: 200 },
  ])("is not an error if the application destroys a stream at $path", async ({ path, statusCode }) => {
    const stream = client.stream(server.url + path).resume();
    soon(() => stream.destroy());
    expect(await outcome()).toEqual(cancelled(statusCode));
  });

  it("is not an error if a loop over a stream is left", async () => {
    for await (const _ of client.stream(`${server.url}/endless`)) break;
    expect(await outcome()).toEqual(cancelled(200));
  });

  it("is not an error if the destination of a stream fails", async () => {
    const destination = new Writable({ write: (_, __, callback) => callback(new Error("the disk is full")) });
    await expect(pipeline(client.stream(`${server.url}/endless`), destination)).rejects.toThrow("the disk is full");
    expect(await outcome()).toEqual(cancelled(200));
  });

  it("before the request is sent leaves no span", async () => {
    await rejection(client(`${server.url}/ok`, { signal: AbortSignal.abort() }));
    expect(telemetry.started()).toBe(0);
  });

  it("between attempts does not change the outcome of the first", async () => {
    const controller = new AbortController();
    soon(() => controller.abort());
    const retry = { limit: 2, calculateDelay: () => 10_000 };
    await rejection(client(`${server.url}/broken`, { signal: controller.signal, retry }));
    expect(await outcome()).toEqual(failedByStatus(500));
  });
});

describe("an error after the exchange", () => {
  it("is not recorded if the body is not JSON, for responseType", async () => {
    expect((await rejection(client(`${server.url}/ok`, { responseType: "json" }))).name).toBe("ParseError");
    expect(await outcome()).toEqual(succeeded());
  });

  it("is not recorded if the body is not JSON, for json()", async () => {
    expect((await rejection(client(`${server.url}/ok`).json())).name).toBe("ParseError");
    expect(await outcome()).toEqual(succeeded());
  });

  it("is not recorded if an afterResponse hook throws", async () => {
    const afterResponse = [
      () => {
        throw new Error("the application's hook");
      },
    ];
    expect((await rejection(client(`${server.url}/ok`, { hooks: { afterResponse } }))).name).toBe("RequestError");
    expect(await outcome()).toEqual(succeeded());
  });

  it("is not recorded if the body cannot be decompressed", async () => {
    expect((await rejection(client(`${server.url}/bad-gzip`))).name).toBe("ReadError");
    expect(await outcome()).toEqual(succeeded());
  });
});

describe("a span", () => {
  it("ends with the last byte of a stream, not with its headers", async () => {
    const stream = client.stream(`${server.url}/events`);
    await responseOf(stream);
    expect(telemetry.own()).toEqual([]);
    await stream.toArray();
    expect(await outcome()).toEqual(succeeded());
    expect(millisecondsOf(telemetry.own()[0]!)).toBeGreaterThan(35);
  });

  it('ends with the headers for endSpanOn: "headers"', async () => {
    const stream = wrapGot(got, { endSpanOn: "headers" }).stream(`${server.url}/endless`);
    expect(await outcome()).toEqual(succeeded());
    stream.destroy();
  });

  it('ends after the responseHook has seen the headers, for endSpanOn: "headers"', async () => {
    const seen: unknown[] = [];
    const traced = wrapGot(got.extend({ retry: { limit: 0 } }), {
      endSpanOn: "headers",
      responseHook: (span, { response }) => seen.push({ isRecording: span.isRecording(), statusCode: response.statusCode }),
    });
    expect(await traced(`${server.url}/ok`).text()).toBe("hello");
    expect(seen).toEqual([{ isRecording: true, statusCode: 200 }]);
    expect(await outcome()).toEqual(succeeded());
  });

  it("ends with an upgrade", async () => {
    const stream = client.stream(`${server.url}/`, { headers: { connection: "upgrade", upgrade: "x" } });
    stream.on("error", () => {});
    await new Promise((resolve) => stream.once("upgrade", resolve));
    expect(await outcome()).toEqual(succeeded(101));
  });

  it.each([
    { path: "/empty", statusCode: 204 },
    { path: "/ok", statusCode: 200 },
  ])("ends with the response to HEAD $path, which has no body", async ({ path, statusCode }) => {
    await client.head(server.url + path);
    expect(await outcome()).toEqual(succeeded(statusCode));
  });

  it("of a stream that is not read ends at the time of its headers", async () => {
    const stream = client.stream(`${server.url}/endless`);
    await responseOf(stream);
    const headersArrived = now();
    const [span] = await telemetry.ended(1);
    expect(await outcome()).toEqual(succeeded());
    expect(endedBefore(span!, headersArrived)).toBe(true);
    stream.destroy();
  });

  it("of a complete response that is not read ends when its connection closes", async () => {
    const stream = client.stream(`${server.url}/ok`);
    await responseOf(stream);
    server.server.closeAllConnections();
    expect(await outcome()).toEqual(succeeded());
  });
});

it("does not handle an error of a stream: without a listener it still is an uncaught exception", async () => {
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const uncaught = new Promise<Error>((resolve) => process.once("uncaughtException", resolve));
  client.stream(`${server.url}/cut`).resume();
  expect((await uncaught).name).toBe("ReadError");
  for (const listener of others) process.on("uncaughtException", listener);
  expect(await outcome()).toEqual(failed("ECONNRESET", 200));
});

it("sends a body that is a readable stream", async () => {
  expect(await client.post(`${server.url}/echo`, { body: Readable.from(["a", "b"]) }).text()).toBe("ab");
  expect(await outcome()).toEqual(succeeded());
});
