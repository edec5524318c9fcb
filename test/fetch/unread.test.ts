import { SpanStatusCode } from "@opentelemetry/api";
import { setTimeout } from "node:timers/promises";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { instrumentFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, getSpan, until } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { endedBefore, now } from "../support/outcome.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void = () => {};
beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/quiet": (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 0\n\n");
    },
  });
});
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  undo();
  await telemetry.stop();
});

const expected = (path: string): SpanShape => getSpan(server, path);

it("ends the span of a small unread response with its last byte", async () => {
  undo = instrumentFetch();
  const responses = [await fetch(`${server.url}/ok`), await fetch(`${server.url}/events`)];
  expect((await telemetry.ended(2)).map(shapeOf)).toEqual([expected("/ok"), expected("/events")]);
  for (const response of responses) expect(response.bodyUsed).toBe(false);
});

// Unread responses are looked for at intervals.
const PATIENCE_MS = 12_000;

it.each(["/large", "/endless"])("ends the span of an unread response at the time of its headers: %s", async (path) => {
  undo = instrumentFetch();
  const response = await fetch(server.url + path);
  const headersArrived = now();
  const [span] = await telemetry.ended(1, PATIENCE_MS);
  expect(endedBefore(span as ReadableSpan, headersArrived)).toBe(true);
  expect(telemetry.own().map(shapeOf)).toEqual([expected(path)]);
  expect(activeCalls).toEqual([]);
  await response.body?.cancel();
});

it.each(["/large", "/endless"])(
  "ends the span of a response that is collected unread at the time of its headers: %s",
  async (path) => {
    undo = instrumentFetch();
    let headersArrived = 0;
    const collected = await (async () => {
      const response = new WeakRef(await fetch(server.url + path));
      headersArrived = now();
      return response;
    })();
    // WeakRef.deref() keeps its target alive until the current job ends.
    await until(() => {
      globalThis.gc?.();
      return collected.deref() === undefined;
    });
    const [span] = await telemetry.ended(1, PATIENCE_MS);
    expect(endedBefore(span as ReadableSpan, headersArrived)).toBe(true);
    expect(telemetry.own().map(shapeOf)).toEqual([expected(path)]);
  },
);

it("records no error for an abort of an unread response", async () => {
  undo = instrumentFetch();
  const controller = new AbortController();
  const response = await fetch(`${server.url}/quiet`, { signal: controller.signal });
  controller.abort();
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([expected("/quiet")]);
  await expect(response.text()).rejects.toThrow("aborted");
});

it("records a timeout of an unread response as an error", async () => {
  undo = instrumentFetch();
  const controller = new AbortController();
  const response = await fetch(`${server.url}/quiet`, { signal: controller.signal });
  controller.abort(new DOMException("timeout", "TimeoutError"));
  const [span] = (await telemetry.ended(1)).map(shapeOf);
  expect(span).toMatchObject({ status: SpanStatusCode.ERROR, attributes: { "error.type": "TimeoutError" } });
  await expect(response.text()).rejects.toThrow("timeout");
});

it("does not end the span of a response that is being read from a silent server", async () => {
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/quiet`);
  const reader = response.body?.getReader();
  await reader?.read();
  // Longer than an unread response may last.
  await setTimeout(4500);
  expect(telemetry.own()).toEqual([]);
  const cancelled = now();
  await reader?.cancel();
  const [span] = await telemetry.ended(1);
  expect(endedBefore(span as ReadableSpan, cancelled - 1000)).toBe(false);
});
