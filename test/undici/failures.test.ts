import { EventEmitter } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { Writable } from "node:stream";
import { SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Dispatcher } from "undici";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { traceInterceptor } from "../../src/undici.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { inTurn, undici } from "./support.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let agent: Dispatcher;
let refused: string;

beforeAll(async () => {
  server = await serve({ ...ROUTES, "/slow": (_, response) => void setTimeout(() => response.end("slow"), 5) });
  const closed = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => closed.once("listening", resolve));
  refused = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
  await new Promise((resolve) => closed.close(resolve));
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  agent = new undici.Agent().compose(traceInterceptor());
});
afterEach(async () => {
  await agent.destroy();
  await telemetry.stop();
});

const OK: unknown[] = [SpanStatusCode.UNSET, undefined, []];
const failed = (type: string): unknown[] => [SpanStatusCode.ERROR, type, ["exception"]];

function outcome(span: ReadableSpan | undefined): unknown[] {
  return [span?.status.code, span?.attributes["error.type"], span?.events.map((event) => event.name)];
}

async function read(path: string, options: object = {}, origin = server.url): Promise<string> {
  const { body } = await agent.request({ origin, path, method: "GET", ...options });
  return body.text();
}

test("refused, reset and cut are errors, named by their code", async () => {
  await expect(read("/", {}, refused)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await expect(read("/reset")).rejects.toMatchObject({ code: expect.any(String) as unknown });
  await expect(read("/cut")).rejects.toMatchObject({ code: "UND_ERR_SOCKET" });
  const [first, second, third] = await telemetry.ended(3);
  expect(outcome(first)).toEqual(failed("ECONNREFUSED"));
  expect([failed("ECONNRESET"), failed("UND_ERR_SOCKET")]).toContainEqual(outcome(second));
  expect(outcome(third)).toEqual(failed("UND_ERR_SOCKET"));
  expect(third!.attributes["http.response.status_code"]).toBe(200);
});

test("undici's own timeouts are errors", async () => {
  await expect(read("/stall", { headersTimeout: 20 })).rejects.toMatchObject({ code: "UND_ERR_HEADERS_TIMEOUT" });
  const [span] = await telemetry.ended(1);
  expect(outcome(span)).toEqual(failed("UND_ERR_HEADERS_TIMEOUT"));
});

test.each(["/stall", "/endless"])("a cancel is no error, by whatever reason: %s", async (path) => {
  const reasons = [undefined, new Error("enough"), "enough"];
  await inTurn(reasons, async (reason) => {
    telemetry.reset();
    const controller = new AbortController();
    const reading = read(path, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    const error: unknown = await reading.then(
      () => "read",
      (thrown: unknown) => thrown,
    );
    expect(error).not.toBe("read");
    expect([reason, outcome((await telemetry.ended(1))[0])]).toEqual([reason, OK]);
  });
});

test("a cancel before the request is sent, and one by an EventEmitter, are no errors", async () => {
  await expect(read("/ok", { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
  const emitter = new EventEmitter();
  const reading = read("/stall", { signal: emitter });
  setTimeout(() => emitter.emit("abort"), 20);
  await expect(reading).rejects.toMatchObject({ name: "AbortError" });
  expect((await telemetry.ended(2)).map(outcome)).toEqual([OK, OK]);
});

test.each(["/stall", "/endless"])("AbortSignal.timeout is an error: %s", async (path) => {
  await expect(read(path, { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({ name: "TimeoutError" });
  expect(outcome((await telemetry.ended(1))[0])).toEqual(failed("TimeoutError"));
});

test("fetch over a traced dispatcher: cancel and timeout are told apart, though no signal is dispatched", async () => {
  const url = `${server.url}/stall`;
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  await expect(undici.fetch(url, { dispatcher: agent, signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
  await expect(undici.fetch(url, { dispatcher: agent, signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
    name: "TimeoutError",
  });
  expect((await telemetry.ended(2)).map(outcome)).toEqual([OK, failed("TimeoutError")]);
});

test("a body that the application destroys is a cancel", async () => {
  const { body } = await agent.request({ origin: server.url, path: "/endless", method: "GET" });
  body.on("error", () => {}).destroy();
  const again = await agent.request({ origin: server.url, path: "/endless", method: "GET" });
  for await (const chunk of again.body) {
    expect(String(chunk)).toContain("data");
    break;
  }
  expect((await telemetry.ended(2)).map(outcome)).toEqual([OK, OK]);
});

test("so is one that it destroys with an error of its own", async () => {
  const { body } = await agent.request({ origin: server.url, path: "/endless", method: "GET" });
  body.on("error", () => {}).destroy(new Error("the disk is full"));
  expect(outcome((await telemetry.ended(1))[0])).toEqual(OK);
});

test("a request body that fails is an error, and the application's own", async () => {
  const error = Object.assign(new Error("no more"), { statusCode: 413 });
  const body = new Readable({
    read() {
      this.destroy(error);
    },
  });
  await expect(read("/echo", { method: "POST", body })).rejects.toBe(error);
  const [span] = await telemetry.ended(1);
  expect(outcome(span)).toEqual(failed("Error"));
  expect(span!.attributes["http.response.status_code"]).toBeUndefined();
});

test("a factory that throws, and a request that undici refuses, end their spans", async () => {
  const error = new TypeError("no sink");
  const factory = (): Writable => {
    throw error;
  };
  await expect(agent.stream({ origin: server.url, path: "/ok", method: "GET" }, factory)).rejects.toBe(error);
  await expect(read("no slash")).rejects.toMatchObject({ code: "UND_ERR_INVALID_ARG" });
  await expect(read("/ok", {}, "ftp://agents.example")).rejects.toMatchObject({ code: "UND_ERR_INVALID_ARG" });
  const own = await telemetry.ended(3);
  expect(own.map((span) => span.attributes["error.type"])).toEqual(["TypeError", "UND_ERR_INVALID_ARG", "UND_ERR_INVALID_ARG"]);
});

test("a dispatcher that is closed or destroyed ends the spans of what it refuses and of what it cuts off", async () => {
  const cut = read("/stall");
  setTimeout(() => void agent.destroy(), 20);
  await expect(cut).rejects.toMatchObject({ code: "UND_ERR_DESTROYED" });
  await expect(read("/ok")).rejects.toMatchObject({ code: "UND_ERR_DESTROYED" });
  expect((await telemetry.ended(2)).map(outcome)).toEqual([failed("UND_ERR_DESTROYED"), failed("UND_ERR_DESTROYED")]);
});

test("of hundreds of calls that fail at random, each span ends once and nothing is left behind", async () => {
  const retrying = new undici.Agent().compose(
    traceInterceptor(),
    undici.interceptors.retry({ minTimeout: 1, maxTimeout: 1, maxRetries: 1 }),
  );
  const paths = ["/ok", "/reset", "/cut", "/broken", "/slow", "/stall", "/endless", "/large", "/echo"];
  const random = mulberry(7);
  const pick = <T>(items: T[]): T => items[Math.floor(random() * items.length)]!;
  const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const one = async (): Promise<void> => {
    const path = pick(paths);
    const controller = new AbortController();
    const mustAbort = path === "/stall" || path === "/endless" || random() < 0.3;
    const timer = mustAbort ? setTimeout(() => controller.abort(), random() * 20) : undefined;
    try {
      const options = { origin: random() < 0.1 ? refused : server.url, path, method: "GET" as const, signal: controller.signal };
      const { body } = await (random() < 0.5 ? agent : retrying).request(options);
      if (random() < 0.2) body.on("error", () => {}).destroy();
      else await body.text();
    } catch {
      // as expected of some
    } finally {
      clearTimeout(timer);
    }
  };
  await inTurn(Array.from({ length: Number(process.env["CALLS"] ?? 400) / 40 }), () =>
    Promise.all(Array.from({ length: 40 }, one)),
  );
  await telemetry.settled();
  const ids = telemetry.spans().map((span) => span.spanContext().spanId);
  expect(ids.length).toBe(telemetry.started());
  expect(new Set(ids).size).toBe(ids.length);
  expect(activeCalls).toEqual([]);
  await retrying.destroy();
  await agent.destroy();
  expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBeLessThanOrEqual(timers + 1);
});

/** Numbers that are random and the same each time. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
