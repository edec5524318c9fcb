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
import { AlwaysOffSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { clearGlobals, startTelemetry } from "../support/telemetry.ts";
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

/** The points, once there are any: no span tells when an unrecorded call has ended. */
async function pointsAfter(collected: Meter["collected"]): Promise<Point[]> {
  for (;;) {
    const points = pointsOf(await collected());
    if (points.length > 0) return points;
  }
}

const get = async (path: string): Promise<string> => (await fetch(server.url + path)).text();

function expected(status: number, more: Attributes = {}): Attributes {
  return {
    "http.request.method": "GET",
    "http.response.status_code": status,
    "network.protocol.version": "1.1",
    "server.address": "127.0.0.1",
    "server.port": server.port,
    ...more,
  };
}

it("records http.client.request.duration in seconds with the boundaries of the semantic conventions", async () => {
  const { provider, collected } = meter();
  metrics.setGlobalMeterProvider(provider);
  telemetry = startTelemetry();
  undo = instrumentFetch();
  const start = performance.now();
  await get("/events");
  await telemetry.ended(1);
  const [metric, ...more] = await collected();
  const elapsed = (performance.now() - start) / 1000;
  expect(more).toEqual([]);
  expect(metric?.descriptor).toMatchObject({ name: "http.client.request.duration", unit: "s" });
  const [point] = pointsOf([metric as MetricData]);
  expect(point?.value.buckets.boundaries).toEqual([0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]);
  expect(point?.attributes).toEqual(expected(200));
  expect(point?.value.sum).toBeGreaterThan(0.035);
  expect(point?.value.sum).toBeLessThan(elapsed);
});

/** Aborts a call when the server has received it. */
async function fetchUntilReceived(reason: DOMException): Promise<void> {
  const controller = new AbortController();
  server.server.once("request", () => controller.abort(reason));
  await fetch(`${server.url}/stall`, { signal: controller.signal }).catch(() => {});
}

it("measures errors, statuses, methods and redirect hops separately", async () => {
  const { provider, collected } = meter();
  telemetry = startTelemetry();
  undo = instrumentFetch({ meterProvider: provider });
  await get("/ok");
  await get("/ok");
  await get("/missing");
  await get("/redirect");
  await get("/cut").catch(() => {});
  await fetch("http://127.0.0.1:1/").catch(() => {});
  await fetchUntilReceived(new DOMException("too late", "TimeoutError"));
  await fetchUntilReceived(new DOMException("aborted", "AbortError"));
  await (await fetch(`${server.url}/ok`, { method: "PURGE" })).text();
  await telemetry.ended(10);
  const points = pointsOf(await collected()).map(({ attributes, value }) => ({ attributes, count: value.count }));
  const { "http.response.status_code": _, ...unanswered } = expected(0);
  expect(points).toEqual(
    expect.arrayContaining([
      { attributes: expected(200), count: 3 },
      { attributes: expected(404, { "error.type": "404" }), count: 1 },
      { attributes: expected(302), count: 1 },
      { attributes: expected(200, { "error.type": "UND_ERR_SOCKET" }), count: 1 },
      {
        attributes: {
          "http.request.method": "GET",
          "server.address": "127.0.0.1",
          "server.port": 1,
          "error.type": "TypeError",
        },
        count: 1,
      },
      { attributes: { ...unanswered, "error.type": "TimeoutError" }, count: 1 },
      { attributes: unanswered, count: 1 },
      { attributes: expected(200, { "http.request.method": "_OTHER" }), count: 1 },
    ]),
  );
  expect(points).toHaveLength(8);
});

it("measures unsampled calls to the end of their body", async () => {
  const { provider, collected } = meter();
  telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
  undo = instrumentFetch({ meterProvider: provider });
  await get("/events");
  const [point, ...more] = await pointsAfter(collected);
  expect(more).toEqual([]);
  expect(point?.attributes).toEqual(expected(200));
  expect(point?.value.count).toBe(1);
  expect(point?.value.sum).toBeGreaterThan(0.035);
  expect(telemetry.own()).toEqual([]);
});

it("measures calls without a tracing SDK", async () => {
  const { provider, collected } = meter();
  metrics.setGlobalMeterProvider(provider);
  undo = instrumentFetch();
  await get("/ok");
  const points = await pointsAfter(collected);
  expect(points.map(({ value }) => value.count)).toEqual([1]);
  expect(points[0]?.attributes).toMatchObject({
    "http.request.method": "GET",
    "http.response.status_code": 200,
  });
});

it("uses a MeterProvider that is registered later, and the next one", async () => {
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
  expect(pointsOf(await first.collected()).map(({ value }) => value.count)).toEqual([1]);
  expect(pointsOf(await second.collected()).map(({ value }) => value.count)).toEqual([2]);
});

it("does not measure ignored and suppressed requests", async () => {
  const { provider, collected } = meter();
  telemetry = startTelemetry();
  undo = instrumentFetch({ meterProvider: provider, ignoreRequestHook: ({ input }) => (input as string).endsWith("/json") });
  await get("/json");
  await context.with(suppressTracing(ROOT_CONTEXT), () => get("/ok"));
  expect(pointsOf(await collected())).toEqual([]);
});

it("measures the time between the start and the end of the span, however long its processors take", async () => {
  telemetry = startTelemetry();
  const { provider, collected } = meter();
  const block = (): void => {
    const end = performance.now() + 15;
    while (performance.now() < end);
  };
  const spans: ReadableSpan[] = [];
  const processor = { onStart: block, onEnd: (span: ReadableSpan) => (spans.push(span), block()) };
  const tracerProvider = new TracerProvider({
    spanProcessors: [{ ...processor, forceFlush: async () => {}, shutdown: async () => {} }],
  });
  undo = instrumentFetch({ tracerProvider, meterProvider: provider });
  const response = await fetch(`${server.url}/ok`);
  await response.text();
  const [point] = await pointsAfter(collected);
  const [seconds, nanoseconds] = spans[0]?.duration ?? [-1, 0];
  expect(point?.value.sum).toBe(seconds + nanoseconds / 1e9);
});

it("has url.scheme and url.template only if the option metricAttributes names them", async () => {
  telemetry = startTelemetry();
  const { provider, collected } = meter();
  const options = { meterProvider: provider, urlTemplate: () => "/{name}" };
  undo = instrumentFetch({ ...options, metricAttributes: ["url.template", "url.scheme"] });
  await fetch(`${server.url}/ok`).then((response) => response.text());
  expect((await pointsAfter(collected))[0]?.attributes).toMatchObject({ "url.scheme": "http", "url.template": "/{name}" });
  expect(() => instrumentFetch({ metricAttributes: ["url.full"] as never })).toThrow(
    'option "metricAttributes" must be an array of "url.scheme", "url.template", not ["url.full"]',
  );
});
