import { EventEmitter } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { Writable } from "node:stream";
import { SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
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

const OK: object = { status: SpanStatusCode.UNSET, errorType: undefined, events: [] };
const failed = (errorType: string): object => ({ status: SpanStatusCode.ERROR, errorType, events: ["exception"] });

function outcome(span: ReadableSpan | undefined): object {
  return {
    status: span?.status.code,
    errorType: span?.attributes["error.type"],
    events: span?.events.map((event) => event.name),
  };
}

async function read(path: string, options: object = {}, origin = server.url): Promise<string> {
  const { body } = await agent.request({ origin, path, method: "GET", ...options });
  return body.text();
}

/** Reads a response that does not end, and does something in the meantime: after the headers if there are any. */
async function readWhile(path: "/stall" | "/endless", act: () => void, options: object = {}): Promise<string> {
  if (path === "/stall") {
    server.server.once("request", act);
    return read(path, options);
  }
  const { body } = await agent.request({ origin: server.url, path, method: "GET", ...options });
  const reading = body.text();
  act();
  return reading;
}

/** The error code of a connection that is reset before the response; it depends on the platform. */
const RESET_CODE = expect.stringMatching(/^(?:ECONNRESET|UND_ERR_SOCKET)$/) as string;

it("records refused, reset and cut connections as errors named by their code", async () => {
  await expect(read("/", {}, refused)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await expect(read("/reset")).rejects.toMatchObject({ code: RESET_CODE });
  await expect(read("/cut")).rejects.toMatchObject({ code: "UND_ERR_SOCKET" });
  const [first, second, third] = await telemetry.ended(3);
  expect(outcome(first)).toEqual(failed("ECONNREFUSED"));
  expect(outcome(second)).toEqual({ ...failed(""), errorType: RESET_CODE });
  expect(outcome(third)).toEqual(failed("UND_ERR_SOCKET"));
  expect(third!.attributes["http.response.status_code"]).toBe(200);
});

it("records undici's own timeouts as errors", async () => {
  await expect(read("/stall", { headersTimeout: 20 })).rejects.toMatchObject({ code: "UND_ERR_HEADERS_TIMEOUT" });
  const [span] = await telemetry.ended(1);
  expect(outcome(span)).toEqual(failed("UND_ERR_HEADERS_TIMEOUT"));
});

it.each(["/stall", "/endless"] as const)("records no error when the caller aborts, whatever the reason: %s", async (path) => {
  const reasons = [undefined, new Error("enough"), "enough"];
  await inTurn(reasons, async (reason) => {
    telemetry.reset();
    const controller = new AbortController();
    const reading = readWhile(path, () => controller.abort(reason), { signal: controller.signal });
    const result = await reading.then(
      () => "read",
      () => "rejected",
    );
    expect(result).toBe("rejected");
    expect(outcome((await telemetry.ended(1))[0])).toEqual(OK);
  });
});

it("records no error for an abort before the request is sent and for one by an EventEmitter", async () => {
  await expect(read("/ok", { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
  const emitter = new EventEmitter();
  const reading = readWhile("/stall", () => emitter.emit("abort"), { signal: emitter });
  await expect(reading).rejects.toMatchObject({ name: "AbortError" });
  expect((await telemetry.ended(2)).map(outcome)).toEqual([OK, OK]);
});

it.each(["/stall", "/endless"])("records AbortSignal.timeout as an error: %s", async (path) => {
  await expect(read(path, { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({ name: "TimeoutError" });
  expect(outcome((await telemetry.ended(1))[0])).toEqual(failed("TimeoutError"));
});

it("distinguishes abort and timeout of a fetch over a traced dispatcher, which dispatches no signal", async () => {
  const fetchUntil = (reason: DOMException): Promise<unknown> => {
    const controller = new AbortController();
    server.server.once("request", () => controller.abort(reason));
    return undici.fetch(`${server.url}/stall`, { dispatcher: agent, signal: controller.signal });
  };
  await expect(fetchUntil(new DOMException("aborted", "AbortError"))).rejects.toMatchObject({ name: "AbortError" });
  await expect(fetchUntil(new DOMException("too late", "TimeoutError"))).rejects.toMatchObject({ name: "TimeoutError" });
  expect((await telemetry.ended(2)).map(outcome)).toEqual([OK, failed("TimeoutError")]);
});

it("records no error when the application destroys the body or stops reading it", async () => {
  const { body } = await agent.request({ origin: server.url, path: "/endless", method: "GET" });
  body.on("error", () => {}).destroy();
  const again = await agent.request({ origin: server.url, path: "/endless", method: "GET" });
  for await (const chunk of again.body) {
    expect(String(chunk)).toContain("data");
    break;
  }
  expect((await telemetry.ended(2)).map(outcome)).toEqual([OK, OK]);
});

it("records no error when the application destroys the body with an error of its own", async () => {
  const { body } = await agent.request({ origin: server.url, path: "/endless", method: "GET" });
  body.on("error", () => {}).destroy(new Error("the disk is full"));
  expect(outcome((await telemetry.ended(1))[0])).toEqual(OK);
});

it("records a failing request body as an error and rejects with the application's own error", async () => {
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

it("ends the spans of a throwing stream factory and of requests that undici refuses", async () => {
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

it("ends the spans of requests that a destroyed dispatcher aborts or refuses", async () => {
  const aborted = readWhile("/stall", () => void agent.destroy());
  await expect(aborted).rejects.toMatchObject({ code: "UND_ERR_DESTROYED" });
  await expect(read("/ok")).rejects.toMatchObject({ code: "UND_ERR_DESTROYED" });
  expect((await telemetry.ended(2)).map(outcome)).toEqual([failed("UND_ERR_DESTROYED"), failed("UND_ERR_DESTROYED")]);
});

it("ends each span once and retains nothing after hundreds of calls that fail at random", async () => {
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
      // Many of them fail.
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

/** A generator of random numbers with a fixed seed. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
