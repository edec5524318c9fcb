import { SpanStatusCode } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { instrumentFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, getSpan } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { bothWays, errorShape } from "./control.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void = () => {};
beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/cut-events": (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 0\n\n");
      setTimeout(() => response.socket?.destroy(), 60);
    },
    "/quiet": (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 0\n\n");
    },
    "/flood": (_, response) => {
      const chunk = Buffer.alloc(100_000);
      let sent = 0;
      const send = (): void => {
        while (sent < 1000) {
          sent++;
          if (!response.write(chunk)) return void response.once("drain", send);
        }
        response.end();
      };
      send();
    },
    "/pause": (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 0\n\n");
      setTimeout(() => response.end("data: 1\n\n"), 150);
    },
  });
});
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  undo();
  await telemetry.stop();
});

function expected(path: string, errorType?: string): SpanShape {
  if (errorType === undefined) return getSpan(server, path);
  return { ...getSpan(server, path, { "error.type": errorType }), status: SpanStatusCode.ERROR, events: ["exception"] };
}

interface Streamed {
  span: SpanShape;
  milliseconds: number;
  /** The caller's result without and with tracing. */
  plain: object;
  traced: object;
}

/** Runs a call without and with tracing. */
async function streaming(path: string, read: (response: Response) => Promise<unknown>): Promise<Streamed> {
  const { plain, traced } = await bothWays(async () => read(await fetch(server.url + path)));
  const [span] = await telemetry.ended(1);
  const [seconds, nanoseconds] = span?.duration ?? [0, 0];
  return {
    span: shapeOf(span as never),
    milliseconds: seconds * 1000 + nanoseconds / 1e6,
    plain: { value: plain.value, error: errorShape(plain.error) },
    traced: { value: traced.value, error: errorShape(traced.error) },
  };
}

const text = new TextDecoder();

/** Reads a number of events, then leaves the loop. */
async function events(response: Response, count = Infinity): Promise<number> {
  let seen = 0;
  for await (const chunk of response.body ?? []) {
    seen += text.decode(chunk).split("data:").length - 1;
    if (seen >= count) break;
  }
  return Math.min(seen, count);
}

const READS: Record<string, [path: string, read: (response: Response) => Promise<unknown>]> = {
  "reading all events": ["/events", (response) => events(response)],
  "text()": ["/events", (response) => response.text()],
  "arrayBuffer()": ["/events", (response) => response.arrayBuffer()],
  "bytes()": ["/events", (response) => response.bytes()],
  "blob()": ["/events", async (response) => (await response.blob()).size],
  "json()": ["/json", (response) => response.json()],
  "json() of what is none": ["/ok", (response) => response.json()],
  "clone()": ["/events", (response) => Promise.all([response.clone().text(), response.text()])],
  "tee()": ["/events", (response) => Promise.all((response.body?.tee() ?? []).map((branch) => new Response(branch).text()))],
  "breaking off the iteration": ["/endless", (response) => events(response, 2)],
  "breaking off a stream that is silent": ["/quiet", (response) => events(response, 1)],
  "body.cancel()": ["/endless", async (response) => response.body?.cancel()],
  "body.cancel() with a reason": ["/endless", async (response) => response.body?.cancel(new Error("enough"))],
  "cancelling what it is piped through": [
    "/endless",
    async (response) => response.body?.pipeThrough(new TextDecoderStream()).cancel(),
  ],
  "reader.cancel() after an event": [
    "/endless",
    async (response) => {
      const reader = response.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      return reader?.read();
    },
  ],
  "cancelling while a read waits": [
    "/quiet",
    async (response) => {
      const reader = response.body?.getReader();
      await reader?.read();
      const waiting = reader?.read();
      await reader?.cancel();
      return waiting;
    },
  ],
  "returning from a generator over it": ["/endless", (response) => leave(response, (generator) => generator.return(undefined))],
  "throwing into a generator over it": [
    "/endless",
    (response) => leave(response, (generator) => generator.throw(new Error("mine"))),
  ],
  "abandoning a generator over it, when the server is done": ["/events", (response) => leave(response, () => undefined)],
};

/** Begins to read with a generator, and leaves it in some way. */
async function leave(response: Response, how: (generator: AsyncGenerator) => unknown): Promise<void> {
  const generator = (async function* () {
    yield* response.body ?? [];
  })();
  await generator.next();
  await how(generator);
}

it.each(Object.entries(READS))(
  "reads a body as without tracing and records one span without an error: %s",
  async (_, [path, read]) => {
    const { span, plain, traced } = await streaming(path, read);
    expect(traced).toEqual(plain);
    expect(span).toEqual(expected(path));
    expect(activeCalls).toEqual([]);
  },
);

it("ends the span of an event stream with its last event", async () => {
  const { milliseconds } = await streaming("/pause", (response) => events(response));
  expect(milliseconds).toBeGreaterThan(140);
});

it("records a truncated stream as an error, and rejects the read as without tracing", async () => {
  const { span, plain, traced } = await streaming("/cut-events", (response) => events(response));
  expect(traced).toEqual(plain);
  expect(span).toEqual(expected("/cut-events", "UND_ERR_SOCKET"));
  expect(activeCalls).toEqual([]);
});

it("records a truncated stream that is not read as an error", async () => {
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/cut-events`);
  const [span] = await telemetry.ended(1);
  expect(shapeOf(span as never)).toEqual(expected("/cut-events", "UND_ERR_SOCKET"));
  await expect(response.text()).rejects.toThrow("terminated");
});

it("returns the platform's own Response without additional properties", async () => {
  const made: Response[] = [];
  const platform = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await platform(input, init);
    made.push(response);
    return response;
  };
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/events`);
  expect(response).toBe(made[0]);
  expect(Reflect.ownKeys(response)).toEqual([]);
  expect(response.url).toBe(`${server.url}/events`);
  expect(response.type).toBe("basic");
  expect(response.bodyUsed).toBe(false);
  expect(await response.clone().text()).toBe(await response.text());
  await telemetry.ended(1);
  undo();
  globalThis.fetch = platform;
});

it("does not read an unread body, and ends its span after the application has read it", async () => {
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/large`);
  await (await fetch(`${server.url}/ok`)).text();
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([expected("/ok")]);
  expect((await response.arrayBuffer()).byteLength).toBe(5_000_000);
  expect((await telemetry.ended(2)).map(shapeOf)).toEqual([expected("/ok"), expected("/large")]);
});

it("does not retain the chunks of a 100 MB stream", async () => {
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/flood`);
  let bytes = 0;
  const used: number[] = [];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes % 10_000_000 >= chunk.byteLength) continue;
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    used.push(heapUsed + arrayBuffers);
  }
  expect(bytes).toBe(100_000_000);
  // Buffers of the sockets come and go; retained chunks would accumulate.
  const [first, second] = [used.slice(0, 5), used.slice(5)].map((some) => Math.min(...some));
  expect((second as number) - (first as number)).toBeLessThan(10_000_000);
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([expected("/flood")]);
});
