import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

const FOREIGN = "00-11111111111111111111111111111111-2222222222222222-01";
const platform = Object.getOwnPropertyDescriptor(globalThis, "fetch") as PropertyDescriptor;
let telemetry: TestTelemetry;
let server: TestServer;
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
});
afterEach(async () => {
  await telemetry.stop();
  Object.defineProperty(globalThis, "fetch", platform);
});

it("removes a traceparent value that an inner wrapper appends, and still follows the request", async () => {
  const original = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.append("traceparent", FOREIGN);
    return original(input, { ...init, headers });
  };
  const undo = instrumentFetch();
  await (await fetch(`${server.url}/ok`)).text();
  undo();
  const [span] = await telemetry.ended(1);
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
  expect(shapeOf(span!)).toMatchObject({ attributes: { "network.peer.address": "127.0.0.1" } });
});

it("removes the traceparent and tracestate that a channel subscriber appends, and keeps its other headers", async () => {
  const append = (message: unknown): void => {
    const { request } = message as { request: { headers: string[] } };
    request.headers.push("traceparent", FOREIGN, "tracestate", "dd=s:1", "x-own", "kept");
  };
  const undo = instrumentFetch();
  subscribe("undici:request:create", append);
  await (await fetch(`${server.url}/ok`)).text();
  unsubscribe("undici:request:create", append);
  undo();
  const [span] = await telemetry.ended(1);
  expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
  expect(server.values("tracestate")).toEqual([]);
  expect(server.values("x-own")).toEqual(["kept"]);
});
