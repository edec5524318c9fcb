import type { RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { trace } from "@opentelemetry/api";
import type { DataPoint, Histogram } from "@opentelemetry/sdk-metrics";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import express from "express";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests as middleware } from "../../src/server/express.ts";
import { traceRequests } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { send } from "./client.ts";
import { startMetrics } from "./metrics.ts";
import type { TestMetrics } from "./metrics.ts";

const NAME = "http.server.request.duration";
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const GET = { "http.request.method": "GET", "url.scheme": "http", "network.protocol.version": "1.1" };

let telemetry: TestTelemetry;
let measured: TestMetrics;
let server: TestServer;
beforeEach(() => {
  telemetry = startTelemetry();
  measured = startMetrics();
});
afterEach(async () => {
  await server.close();
  await measured.provider.shutdown();
  await telemetry.stop();
});

const listener: RequestListener = async (request, response) => {
  await sleep(20);
  if (request.url === "/cut") response.destroy(new RangeError("cut"));
  else response.writeHead(Number(/\d+/.exec(request.url ?? ""))).end();
};

describe("http.server.request.duration", () => {
  it("is a histogram in seconds with the boundaries of the semantic conventions", async () => {
    server = await listen(traceRequests(listener));
    const start = performance.now();
    await send(`${server.url}/200`);
    const [metric] = await measured.read(NAME);
    const elapsed = (performance.now() - start) / 1000;
    expect(metric?.descriptor).toMatchObject({ name: NAME, unit: "s", advice: { explicitBucketBoundaries: SECONDS } });
    const [point] = (metric?.dataPoints ?? []) as DataPoint<Histogram>[];
    expect(point?.value.buckets.boundaries).toEqual(SECONDS);
    expect(point?.value.sum).toBeGreaterThan(0.019);
    expect(point?.value.sum).toBeLessThan(elapsed);
    await telemetry.ended(1);
  });

  it("has the method, the scheme, the protocol version, the status and the error type", async () => {
    server = await listen(traceRequests(listener));
    const { url } = server;
    await Promise.all([`${url}/200`, `${url}/200?a=1`, `${url}/404`, `${url}/503`].map((path) => send(path)));
    await send(`${url}/cut`).catch(() => {});
    await send(`${url}/200`, { method: "PROPFIND" });
    const counts = await measured.counts(NAME);
    expect(counts).toHaveLength(5);
    expect(counts).toEqual(
      expect.arrayContaining([
        [2, { ...GET, "http.response.status_code": 200 }],
        [1, { ...GET, "http.response.status_code": 404 }],
        [1, { ...GET, "http.response.status_code": 503, "error.type": "503" }],
        [1, { ...GET, "error.type": "RangeError" }],
        [1, { ...GET, "http.request.method": "_OTHER", "http.response.status_code": 200 }],
      ]),
    );
  });

  it("has express's route", async () => {
    const app = express().use(middleware());
    app.get("/items/:id", (_, response) => void response.send("ok"));
    server = await listen(app as RequestListener);
    await send(`${server.url}/items/1`);
    await send(`${server.url}/items/2`);
    expect(await measured.counts(NAME)).toEqual([[2, { ...GET, "http.route": "/items/:id", "http.response.status_code": 200 }]]);
  });

  it.each<[string, () => void]>([
    ["if the span is not sampled", () => void (telemetry = startTelemetry({ sampler: new AlwaysOffSampler() }))],
    ["if there is no tracer", () => trace.disable()],
  ])("is recorded %s", async (_, change) => {
    trace.disable();
    change();
    server = await listen(traceRequests(listener));
    await send(`${server.url}/200`);
    expect(await measured.counts(NAME)).toEqual([[1, { ...GET, "http.response.status_code": 200 }]]);
    expect(telemetry.spans()).toEqual([]);
  });

  it("is recorded with the given meterProvider, but not for ignored requests", async () => {
    const own = startMetrics(false);
    server = await listen(traceRequests(listener, { meterProvider: own.provider, ignoreRequestHook: ({ url }) => url === "/204" }));
    await send(`${server.url}/200`);
    await send(`${server.url}/204`);
    expect(await own.counts(NAME)).toEqual([[1, { ...GET, "http.response.status_code": 200 }]]);
    expect(await measured.counts(NAME)).toEqual([]);
    await own.provider.shutdown();
  });

  it("is recorded with a global MeterProvider that is registered after the server was created", async () => {
    await telemetry.stop();
    server = await listen(traceRequests(listener));
    await send(`${server.url}/200`);
    measured = startMetrics();
    await send(`${server.url}/404`);
    expect(await measured.counts(NAME)).toEqual([[1, { ...GET, "http.response.status_code": 404 }]]);
  });
});
