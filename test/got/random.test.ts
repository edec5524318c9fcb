import { Agent } from "node:http";
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import got from "got";
import { afterAll, beforeAll, expect, it } from "vitest";
import { wrapGot } from "../../src/got.ts";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";

/** A generator of numbers below 1 that are the same in each run (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Destroys a stream after a while, if nothing has by then. */
async function abandoned(stream: Duplex, milliseconds: number): Promise<void> {
  const timer = setTimeout(() => stream.destroy(), milliseconds);
  await new Promise((resolve) => stream.once("close", resolve).once("end", resolve));
  clearTimeout(timer);
}

let server: TestServer;
let refused: string;

beforeAll(async () => {
  const next = random(1);
  server = await serve({
    "/reset": (_, response) => void response.socket?.resetAndDestroy(),
    "/hang-up": (_, response) => void response.socket?.destroy(),
    "/cut": (_, response) => {
      response.writeHead(200, { "content-length": 100_000 }).write("x".repeat(next() * 90_000));
      setTimeout(() => (next() < 0.5 ? response.socket?.destroy() : response.socket?.resetAndDestroy()), next() * 10);
    },
    "/busy": (_, response) => void response.writeHead(next() < 0.6 ? 503 : 200).end("busy"),
    "/slow": (_, response) => {
      setTimeout(() => {
        response.writeHead(200).write("first");
        setTimeout(() => response.end("last"), next() * 15);
      }, next() * 15);
    },
    "/moved": (_, response) => void response.writeHead(302, { location: next() < 0.5 ? "/slow" : "/cut" }).end("moved"),
    "/moved-slowly": (_, response) => {
      response.writeHead(302, { location: "/busy" }).write("moved");
      setTimeout(() => response.end(), 60);
    },
    "/ok": (_, response, body) => void response.end(body.length > 0 ? body : "ok"),
  });
  const closed = await serve({});
  refused = closed.url;
  await closed.close();
});
afterAll(() => server.close());

it("ends each span once and leaves no listener, timer or active call, however the calls end", async () => {
  const telemetry = startTelemetry();
  const next = random(2);
  const agent = new Agent({ keepAlive: true });
  const signal = new AbortController().signal;
  const client = wrapGot(got).extend({
    agent: { http: agent },
    retry: { limit: 2, calculateDelay: ({ computedValue }) => (computedValue > 0 ? next() * 3 : 0) },
    timeout: { request: 500 },
  });
  const paths = ["/reset", "/hang-up", "/cut", "/busy", "/slow", "/moved", "/moved-slowly", "/ok"];

  async function* body(): AsyncGenerator<string> {
    yield "part";
    await new Promise((resolve) => setTimeout(resolve, next() * 5));
    if (next() < 0.3) throw new Error("the upload failed");
    yield "rest";
  }

  async function one(): Promise<void> {
    const url = next() < 0.1 ? refused : server.url + paths[Math.floor(next() * paths.length)]!;
    const controller = new AbortController();
    const timer = next() < 0.3 ? setTimeout(() => controller.abort(), next() * 30) : undefined;
    const options = {
      signal: next() < 0.1 ? AbortSignal.timeout(Math.ceil(next() * 30)) : controller.signal,
      throwHttpErrors: next() < 0.7,
      ...(next() < 0.2 && { timeout: { response: Math.ceil(next() * 20) } }),
    };
    const kind = next();
    if (kind < 0.5) await client(url, options);
    else if (kind < 0.6) await client.post(url, { ...options, body: body() });
    else if (kind < 0.65) await client.put(url, { ...options, body: body() });
    else {
      const stream = client.stream(url, options);
      stream.on("error", () => {});
      if (kind < 0.75) await stream.toArray();
      else if (kind < 0.85) for await (const _ of stream) break;
      else await abandoned(stream.resume(), next() * 20);
    }
    clearTimeout(timer);
  }

  const warnings: string[] = [];
  const warn = (warning: Error): void => void warnings.push(warning.message);
  process.on("warning", warn);
  let failed = 0;
  const lane = async (): Promise<void> => {
    // eslint-disable-next-line no-await-in-loop -- a lane makes one call after the other
    for (let i = 0; i < 40; i++) await one().catch(() => failed++);
  };
  await Promise.all(Array.from({ length: 15 }, lane));
  await telemetry.settled(8000);

  const spans = telemetry.own();
  expect(spans.length).toBe(telemetry.started());
  expect(new Set(spans.map((span) => span.spanContext().spanId)).size).toBe(spans.length);
  expect(failed).toBeGreaterThan(100);
  expect(activeCalls).toEqual([]);
  expect(EventEmitter.listenerCount(signal as never, "abort")).toBe(0);
  const idle = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
  for (const socket of idle) expect(socket.eventNames().filter((name) => typeof name === "symbol")).toEqual([]);
  expect(warnings).toEqual([]);
  process.off("warning", warn);
  agent.destroy();
  await telemetry.stop();
}, 60_000);
