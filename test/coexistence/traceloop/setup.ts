import * as traceloop from "@traceloop/node-server-sdk";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { onFlush } from "./flush.ts";

traceloop.initialize({
  appName: "agent",
  exporter: new OTLPTraceExporter(),
  disableBatch: true,
  traceloopSyncEnabled: false,
  silenceInitializationMessage: true,
});
onFlush(() => traceloop.forceFlush());
