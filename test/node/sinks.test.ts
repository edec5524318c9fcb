import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { NodeOptions } from "../../src/node.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { httpGet } from "./clients.ts";

let instrumentNode: (options?: NodeOptions) => () => void;
let server: TestServer;
beforeAll(async () => {
  server = await serve({ "*": ROUTES["/ok"]! });
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url);
  // The environment is read once, at the first request, which another test file may have made.
  vi.resetModules();
  ({ instrumentNode } = await import("../../src/node.ts"));
});
afterAll(() => {
  vi.unstubAllEnvs();
  return server.close();
});

let telemetry: TestTelemetry;
let undo = (): void => {};
const start = (options?: NodeOptions): void => void (undo = instrumentNode(options));
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => {
  undo();
  return telemetry.stop();
});

type Get = (url: string, headers?: Record<string, string>) => Promise<string>;
const CLIENTS: [string, Get][] = [
  ["fetch", async (url, headers = {}) => (await fetch(url, { headers })).text()],
  ["http.get", (url, headers = {}) => httpGet(url, { headers })],
];

describe.each(CLIENTS)("instrumentNode() and a telemetry sink requested with %s", (_, get) => {
  it("leaves alone requests to the OTLP endpoint of the environment", async () => {
    start();
    await get(`${server.url}/v1/traces`);
    expect(server.values("traceparent")).toEqual([]);
    expect(telemetry.started()).toBe(0);
  });

  it("leaves alone requests to a host of the option telemetrySinks", async () => {
    start({ telemetrySinks: server.url });
    await get(`${server.url}/ingest`);
    expect(server.values("traceparent")).toEqual([]);
    expect(telemetry.started()).toBe(0);
  });

  it("traces them with telemetrySinks: false", async () => {
    start({ telemetrySinks: false });
    await get(`${server.url}/v1/traces`);
    expect(server.values("traceparent")).toHaveLength(1);
    await telemetry.ended(1);
  });

  it("records x-stainless-retry-count as http.request.resend_count", async () => {
    start();
    await get(`${server.url}/ok`, { "x-stainless-retry-count": "2" });
    const [span] = await telemetry.ended(1);
    expect(span!.attributes["http.request.resend_count"]).toBe(2);
  });
});
