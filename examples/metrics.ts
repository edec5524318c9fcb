import "./tracing.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
// #region readme
import { metrics } from "@opentelemetry/api";
import { ConsoleMetricExporter, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";

const meterProvider = new MeterProvider({
  readers: [new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter(), exportIntervalMillis: 60_000 })],
});
metrics.setGlobalMeterProvider(meterProvider);

instrumentFetch(); // http.client.request.duration
const listener = traceRequests((_, response) => void response.end("hello")); // http.server.request.duration
// #endregion

const server = createServer(listener).listen(0, "127.0.0.1", async () => {
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await response.text();
  server.close(() => void meterProvider.shutdown());
});
