import { Agent } from "node:http";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { SpanStatusCode } from "@opentelemetry/api";
import got from "got";
import { afterAll, afterEach, beforeAll, beforeEach, describe as group, expect, test } from "vitest";
import { wrapGot } from "../../src/got.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;

beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/hang-up": (_, response) => void response.socket?.end(),
    "/nonsense": (_, response) => void response.socket?.end("nonsense\r\n\r\n"),
    "/bad-gzip": (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end("no gzip"),
    "/slow-body": (_, response) => void response.writeHead(200).write("first"),
  });
  server.server.on("upgrade", (_, socket) =>
    socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
  );
});
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

const client = wrapGot(got.extend({ retry: { limit: 0 } }));

/** How the only span ended: its status, `error.type` and HTTP status, and the names of its events. */
async function end(): Promise<unknown[]> {
  await telemetry.ended(1);
  await telemetry.settled();
  const { status, attributes, events } = shapeOf(telemetry.own()[0]!);
  return [SpanStatusCode[status], attributes["error.type"], attributes["http.response.status_code"], events];
}

const failure = async (call: Promise<unknown>): Promise<{ name: string; code: unknown }> => {
  const error = await call.then(
    () => expect.fail("the call was to fail"),
    (reason: unknown) => reason as Error & { code?: unknown },
  );
  return { name: error.name, code: error.code };
};

async function* failing(): AsyncGenerator<string> {
  yield "first";
  await new Promise((resolve) => setTimeout(resolve, 20));
  throw Object.assign(new Error("the source failed"), { code: "EIO" });
}

const soon = (action: () => void): void => void setTimeout(action, 30);

group("a failure is an error", () => {
  test.each(["a promise", "a stream"])("a server that speaks no TLS, of which got hears before its request: %s", async (kind) => {
    const url = `https://127.0.0.1:${server.port}/`;
    expect((await failure(kind === "a stream" ? client.stream(url).toArray() : client(url))).code).toBe("EPROTO");
    expect(await end()).toEqual(["ERROR", "EPROTO", undefined, ["exception"]]);
  });

  test("a connection that is refused", async () => {
    const closed = await serve({});
    await closed.close();
    expect(await failure(client(closed.url))).toEqual({ name: "RequestError", code: "ECONNREFUSED" });
    expect(await end()).toEqual(["ERROR", "ECONNREFUSED", undefined, ["exception"]]);
  });

  test.each([
    ["/reset", "ECONNRESET", undefined],
    ["/hang-up", "ECONNRESET", undefined],
    ["/nonsense", "HPE_INVALID_CONSTANT", undefined],
    ["/cut", "ECONNRESET", 200],
  ])("of a promise: %s", async (path, type, status) => {
    await failure(client(server.url + path));
    expect(await end()).toEqual(["ERROR", type, status, ["exception"]]);
  });

  test.each([
    ["/reset", "ECONNRESET", undefined],
    ["/hang-up", "ECONNRESET", undefined],
    ["/cut", "ECONNRESET", 200],
  ])("of a stream: %s", async (path, type, status) => {
    await failure(client.stream(server.url + path).toArray());
    expect(await end()).toEqual(["ERROR", type, status, ["exception"]]);
  });

  test("of a stream whose connection the application's agent drops", async () => {
    const agent = new Agent();
    const stream = client.stream(`${server.url}/slow-body`, { agent: { http: agent } });
    stream.once("data", () => agent.destroy());
    expect((await failure(stream.toArray())).code).toBe("ECONNRESET");
    expect(await end()).toEqual(["ERROR", "ECONNRESET", 200, ["exception"]]);
  });

  test.each([
    ["response", "/stall", { response: 30 }, undefined],
    ["request", "/stall", { request: 30 }, undefined],
    ["request, in the body", "/slow-body", { request: 60 }, 200],
    ["socket, in the body", "/slow-body", { socket: 40 }, 200],
  ])("a timeout of got's own: %s", async (_, path, timeout, status) => {
    expect(await failure(client(server.url + path, { timeout }))).toEqual({ name: "TimeoutError", code: "ETIMEDOUT" });
    expect(await end()).toEqual(["ERROR", "ETIMEDOUT", status, ["exception"]]);
  });

  test.each(["/stall", "/slow-body"])("AbortSignal.timeout: %s", async (path) => {
    await failure(client(server.url + path, { signal: AbortSignal.timeout(40) }));
    expect(await end()).toEqual(["ERROR", "TimeoutError", path === "/stall" ? undefined : 200, ["exception"]]);
  });

  test("an upload whose source fails", async () => {
    await failure(client.post(`${server.url}/echo`, { body: failing() }));
    expect(await end()).toEqual(["ERROR", "ERR_UPLOAD", undefined, ["exception"]]);
  });

  test("an upload whose stream fails", async () => {
    await failure(client.post(`${server.url}/echo`, { body: Readable.from(failing()) }));
    expect(await end()).toEqual(["ERROR", "EIO", undefined, ["exception"]]);
  });

  test("an upload of a stream whose source fails", async () => {
    const { code } = await failure(client.stream.post(`${server.url}/echo`, { body: failing() }).toArray());
    expect(await end()).toEqual(["ERROR", code, undefined, ["exception"]]);
  });

  test("a header that Node refuses", async () => {
    await failure(client(`${server.url}/ok`, { headers: { "x-a": "a\nb" } }));
    expect(await end()).toEqual(["ERROR", "ERR_INVALID_CHAR", undefined, ["exception"]]);
  });

  test("a 500 that got does not throw for is one by its status, with no exception", async () => {
    expect((await client(`${server.url}/broken`, { throwHttpErrors: false })).statusCode).toBe(500);
    expect(await end()).toEqual(["ERROR", "500", 500, []]);
  });

  test.each(["promise", "stream"])("a 500 that got throws for, as a %s", async (kind) => {
    const url = `${server.url}/broken`;
    expect((await failure(kind === "stream" ? client.stream(url).toArray() : client(url))).name).toBe("HTTPError");
    expect(await end()).toEqual(["ERROR", "500", 500, []]);
  });
});

group("a cancel is none", () => {
  test.each(["/stall", "/slow-body"])("abort of a promise: %s", async (path) => {
    const controller = new AbortController();
    soon(() => controller.abort());
    expect((await failure(client(server.url + path, { signal: controller.signal }))).name).toBe("AbortError");
    expect(await end()).toEqual(["UNSET", undefined, path === "/stall" ? undefined : 200, []]);
  });

  test("abort with a reason of the application's own", async () => {
    const controller = new AbortController();
    soon(() => controller.abort(new RangeError("no longer needed")));
    await failure(client(`${server.url}/stall`, { signal: controller.signal }));
    expect(await end()).toEqual(["UNSET", undefined, undefined, []]);
  });

  test("promise.cancel(), which got 14 has", async () => {
    const promise = client(`${server.url}/stall`) as unknown as Promise<unknown> & { cancel?: () => void };
    const controller = new AbortController();
    if (promise.cancel === undefined) {
      // Without it the application can only let go.
      const aborted = client(`${server.url}/stall`, { signal: controller.signal });
      soon(() => controller.abort());
      await failure(aborted);
      server.server.closeAllConnections();
      await failure(promise);
      await telemetry.ended(2);
      return;
    }
    soon(() => promise.cancel?.());
    expect((await failure(promise)).name).toBe("CancelError");
    expect(await end()).toEqual(["UNSET", undefined, undefined, []]);
  });

  test.each(["/stall", "/slow-body"])("a stream that is destroyed: %s", async (path) => {
    const stream = client.stream(server.url + path).resume();
    soon(() => stream.destroy());
    expect(await end()).toEqual(["UNSET", undefined, path === "/stall" ? undefined : 200, []]);
  });

  test("a stream that is left in the middle", async () => {
    for await (const _ of client.stream(`${server.url}/endless`)) break;
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
  });

  test("a stream whose destination fails", async () => {
    const destination = new Writable({ write: (_, __, callback) => callback(new Error("the disk is full")) });
    await expect(pipeline(client.stream(`${server.url}/endless`), destination)).rejects.toThrow("the disk is full");
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
  });

  test("a call that is aborted before it is sent has no span", async () => {
    await failure(client(`${server.url}/ok`, { signal: AbortSignal.abort() }));
    expect(telemetry.started()).toBe(0);
  });

  test("an abort between attempts leaves the first as it was", async () => {
    const controller = new AbortController();
    soon(() => controller.abort());
    const retry = { limit: 2, calculateDelay: () => 10_000 };
    await failure(client(`${server.url}/broken`, { signal: controller.signal, retry }));
    expect(await end()).toEqual(["ERROR", "500", 500, []]);
  });
});

group("what happens after the exchange is not its failure", () => {
  test("a body that is no JSON, by responseType", async () => {
    expect((await failure(client(`${server.url}/ok`, { responseType: "json" }))).name).toBe("ParseError");
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
  });

  test("a body that is no JSON, by json()", async () => {
    expect((await failure(client(`${server.url}/ok`).json())).name).toBe("ParseError");
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
  });

  test("an afterResponse hook that throws", async () => {
    const afterResponse = [
      () => {
        throw new Error("a hook of the user's");
      },
    ];
    expect((await failure(client(`${server.url}/ok`, { hooks: { afterResponse } }))).name).toBe("RequestError");
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
  });

  test("a body that cannot be decompressed", async () => {
    expect((await failure(client(`${server.url}/bad-gzip`))).name).toBe("ReadError");
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
  });
});

group("the span ends", () => {
  test("with the last byte of a stream, not with its headers", async () => {
    const stream = client.stream(`${server.url}/events`);
    await new Promise((resolve) => stream.once("response", resolve));
    expect(telemetry.own()).toEqual([]);
    await stream.toArray();
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
    const [seconds, nanoseconds] = telemetry.own()[0]!.duration;
    expect(seconds * 1e3 + nanoseconds / 1e6).toBeGreaterThan(35);
  });

  test("with the headers, if asked for", async () => {
    const stream = wrapGot(got, { endSpanOn: "headers" }).stream(`${server.url}/endless`);
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
    stream.destroy();
  });

  test("with an upgrade", async () => {
    const stream = client.stream(`${server.url}/`, { headers: { connection: "upgrade", upgrade: "x" } });
    stream.on("error", () => {});
    await new Promise((resolve) => stream.once("upgrade", resolve));
    expect(await end()).toEqual(["UNSET", undefined, 101, []]);
  });

  test.each(["/empty", "/ok"])("with a response that has no body: HEAD %s", async (path) => {
    await client.head(server.url + path);
    expect((await end())[0]).toBe("UNSET");
  });

  test("with the time of its headers, for a stream that nobody reads", async () => {
    const stream = client.stream(`${server.url}/endless`);
    await new Promise((resolve) => stream.once("response", resolve));
    await until(() => telemetry.own().length === 1, 6000);
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
    const [seconds] = telemetry.own()[0]!.duration;
    expect(seconds).toBeLessThan(1);
    stream.destroy();
  });

  test("when the connection does, for a response that nobody reads", async () => {
    const stream = client.stream(`${server.url}/ok`);
    await new Promise((resolve) => stream.once("response", resolve));
    server.server.closeAllConnections();
    expect(await end()).toEqual(["UNSET", undefined, 200, []]);
  });
});

test("an error of a stream that nobody listens for still ends the process", async () => {
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const uncaught = new Promise<Error>((resolve) => process.once("uncaughtException", resolve));
  client.stream(`${server.url}/cut`).resume();
  expect((await uncaught).name).toBe("ReadError");
  for (const listener of others) process.on("uncaughtException", listener);
  expect((await end())[0]).toBe("ERROR");
});

test("a readable body is sent", async () => {
  expect(await client.post(`${server.url}/echo`, { body: Readable.from(["a", "b"]) }).text()).toBe("ab");
  expect((await end())[0]).toBe("UNSET");
});

test("with its headers, and after the hook that sees them, if that is asked for", async () => {
  const seen: unknown[] = [];
  const traced = wrapGot(got.extend({ retry: { limit: 0 } }), {
    endSpanOn: "headers",
    responseHook: (span, { response }) => seen.push([span.isRecording(), response.statusCode]),
  });
  expect(await traced(`${server.url}/ok`).text()).toBe("hello");
  expect(seen).toEqual([[true, 200]]);
  expect(await end()).toEqual(["UNSET", undefined, 200, []]);
});
