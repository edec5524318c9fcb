import { ROOT_CONTEXT, context, metrics } from "@opentelemetry/api";
import type { Attributes, MeterProvider as MeterProviderApi } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { clearGlobals, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry | undefined;
let server: TestServer;
let undo: () => void = () => {};
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
afterEach(async () => {
  undo();
  await telemetry?.stop();
  telemetry = undefined;
  clearGlobals();
});

interface Meter {
  readonly provider: MeterProviderApi;
  readonly collected: () => Promise<MetricData[]>;
}

function meter(): Meter {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  return {
    provider,
    collected: async () => {
      exporter.reset();
      await reader.forceFlush();
      return exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    },
  };
}

interface Point {
  attributes: Attributes;
  value: { count: number; sum: number; buckets: { boundaries: number[] } };
}
const pointsOf = (data: MetricData[]): Point[] => data.flatMap(({ dataPoints }) => dataPoints as Point[]);
const get = async (path: string): Promise<string> => (await fetch(server.url + path)).text();

function expected(status: number, more: Attributes = {}): Attributes {
  return {
    "http.request.method": "GET",
    "http.response.status_code": status,
    "network.protocol.version": "1.1",
    "server.address": "127.0.0.1",
    "server.port": server.port,
    "url.scheme": "http",
    ...more,
  };
}

test("http.client.request.duration: a histogram in seconds with the conventions' boundaries", async () => {
  const { provider, collected } = meter();
  metrics.setGlobalMeterProvider(provider);
  telemetry = startTelemetry();
  undo = instrumentFetch();
  await get("/events");
  const [span] = await telemetry.ended(1);
  const [metric, ...more] = await collected();
  expect(more).toEqual([]);
  expect(metric?.descriptor).toMatchObject({ name: "http.client.request.duration", unit: "s" });
  const [point] = pointsOf([metric as MetricData]);
  expect(point?.value.buckets.boundaries).toEqual([0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]);
  expect(point?.attributes).toEqual(expected(200));
  const seconds = (span?.duration[0] ?? 0) + (span?.duration[1] ?? 0) / 1e9;
  expect(point?.value.sum).toBeGreaterThan(0.035);
  expect(Math.abs((point?.value.sum ?? 0) - seconds)).toBeLessThan(0.01);
});

test("errors, statuses, methods and each hop are measured apart", async () => {
  const { provider, collected } = meter();
  telemetry = startTelemetry();
  undo = instrumentFetch({ meterProvider: provider });
  await get("/ok");
  await get("/ok");
  await get("/missing");
  await get("/redirect");
  await get("/cut").catch(() => {});
  await fetch("http://127.0.0.1:1/").catch(() => {});
  await fetch(`${server.url}/stall`, { signal: AbortSignal.timeout(20) }).catch(() => {});
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  await fetch(`${server.url}/stall`, { signal: controller.signal }).catch(() => {});
  await (await fetch(`${server.url}/ok`, { method: "PURGE" })).text();
  await telemetry.ended(10);
  const points = pointsOf(await collected()).map(({ attributes, value }) => [attributes, value.count]);
  const { "http.response.status_code": _, ...unanswered } = expected(0);
  expect(points).toEqual(
    expect.arrayContaining([
      [expected(200), 3],
      [expected(404, { "error.type": "404" }), 1],
      [expected(302), 1],
      [expected(200, { "error.type": "UND_ERR_SOCKET" }), 1],
      [
        {
          "http.request.method": "GET",
          "server.address": "127.0.0.1",
          "server.port": 1,
          "url.scheme": "http",
          "error.type": "TypeError",
        },
        1,
      ],
      [{ ...unanswered, "error.type": "TimeoutError" }, 1],
      [unanswered, 1],
      [expected(200, { "http.request.method": "_OTHER" }), 1],
    ]),
  );
  expect(points).toHaveLength(8);
});

test("calls whose span is not sampled are measured too, to the end of their body", async () => {
  const { provider, collected } = meter();
  telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
  undo = instrumentFetch({ meterProvider: provider });
  await get("/events");
  let points: Point[] = [];
  await new Promise((resolve) => setTimeout(resolve, 20));
  points = pointsOf(await collected());
  expect(points.map(({ attributes, value }) => [attributes, value.count])).toEqual([[expected(200), 1]]);
  expect(points[0]?.value.sum).toBeGreaterThan(0.035);
  expect(telemetry.own()).toEqual([]);
});

test("without a tracing SDK calls are measured", async () => {
  const { provider, collected } = meter();
  metrics.setGlobalMeterProvider(provider);
  undo = instrumentFetch();
  await get("/ok");
  await until(() => true);
  const points = pointsOf(await collected());
  expect(points.map(({ value }) => value.count)).toEqual([1]);
  expect(points[0]?.attributes).toMatchObject({
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "url.scheme": "http",
  });
});

test("a MeterProvider that is set later is found, and so is the next one", async () => {
  telemetry = startTelemetry();
  undo = instrumentFetch();
  await get("/ok");
  const [first, second] = [meter(), meter()];
  metrics.setGlobalMeterProvider(first.provider);
  await get("/ok");
  metrics.disable();
  metrics.setGlobalMeterProvider(second.provider);
  await get("/ok");
  await get("/ok");
  await telemetry.ended(4);
  const counts = await Promise.all(
    [first, second].map(async ({ collected }) => pointsOf(await collected()).map(({ value }) => value.count)),
  );
  expect(counts).toEqual([[1], [2]]);
});

test("what is ignored or suppressed is not measured", async () => {
  const { provider, collected } = meter();
  telemetry = startTelemetry();
  undo = instrumentFetch({ meterProvider: provider, ignoreRequestHook: ({ input }) => (input as string).endsWith("/json") });
  await get("/json");
  await context.with(suppressTracing(ROOT_CONTEXT), () => get("/ok"));
  expect(pointsOf(await collected())).toEqual([]);
});
