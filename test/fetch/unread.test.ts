import { SpanStatusCode } from "@opentelemetry/api";
import { setInterval, setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { instrumentFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, getSpan } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";

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

test("a small response that is never read ends by itself", async () => {
  undo = instrumentFetch();
  const responses = [await fetch(`${server.url}/ok`), await fetch(`${server.url}/events`)];
  expect((await telemetry.ended(2)).map(shapeOf)).toEqual([expected("/ok"), expected("/events")]);
  expect(responses.map(({ bodyUsed }) => bodyUsed)).toEqual([false, false]);
});

/** How long a span says that it lasted, in milliseconds. */
async function lengthOfTheSpan(milliseconds: number): Promise<number> {
  const [span] = await telemetry.ended(1, milliseconds);
  return (span?.duration[0] ?? 0) * 1000 + (span?.duration[1] ?? 0) / 1e6;
}

test.each(["/large", "/endless"])("%s, held and never read, is ended with the time of its headers", async (path) => {
  undo = instrumentFetch();
  const response = await fetch(server.url + path);
  expect(await lengthOfTheSpan(9000)).toBeLessThan(500);
  expect(telemetry.own().map(shapeOf)).toEqual([expected(path)]);
  expect(activeCalls).toEqual([]);
  await response.body?.cancel();
});

test.each(["/large", "/endless"])("%s, let go of and collected unread, is ended with the time of its headers", async (path) => {
  undo = instrumentFetch();
  const collected = await (async () => new WeakRef(await fetch(server.url + path)))();
  const begun = performance.now();
  // To look at a WeakRef keeps its target until the job is over: look, wait, collect.
  for await (const _ of setInterval(50)) {
    globalThis.gc?.();
    await setTimeout(50);
    if (collected.deref() === undefined || performance.now() - begun > 2500) break;
  }
  expect(collected.deref()).toBeUndefined();
  expect(performance.now() - begun).toBeLessThan(2500);
  expect(await lengthOfTheSpan(9000)).toBeLessThan(80);
  expect(telemetry.own().map(shapeOf)).toEqual([expected(path)]);
});

test("an abort of a response that nobody reads is no error", async () => {
  undo = instrumentFetch();
  const controller = new AbortController();
  const response = await fetch(`${server.url}/quiet`, { signal: controller.signal });
  controller.abort();
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([expected("/quiet")]);
  await expect(response.text()).rejects.toThrow("aborted");
});

test("a timeout of a response that nobody reads is an error", async () => {
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/quiet`, { signal: AbortSignal.timeout(30) });
  const [span] = (await telemetry.ended(1)).map(shapeOf);
  expect([span?.status, span?.attributes["error.type"]]).toEqual([SpanStatusCode.ERROR, "TimeoutError"]);
  await expect(response.text()).rejects.toThrow("timeout");
});

test("a response that is being read is not given up, however long its server is silent", async () => {
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/quiet`);
  const reader = response.body?.getReader();
  await reader?.read();
  await setTimeout(4500);
  expect(telemetry.own()).toEqual([]);
  await reader?.cancel();
  expect(await lengthOfTheSpan(1000)).toBeGreaterThan(4400);
});
