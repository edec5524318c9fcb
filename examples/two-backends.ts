import { SpanKind, trace } from "@opentelemetry/api";
// #region readme
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { setupPropagation } from "a2a-otel/setup";

const env = process.env;
const langfuseKeys = Buffer.from(`${env["LANGFUSE_PUBLIC_KEY"]}:${env["LANGFUSE_SECRET_KEY"]}`).toString("base64");

// One processor for each backend: each has its own queue, so a backend that is slow or down does not delay the other.
const exporters = [
  new OTLPTraceExporter({ url: `${env["JAEGER_URL"] ?? "http://localhost:4318"}/v1/traces` }),
  new OTLPTraceExporter({
    url: `${env["LANGFUSE_BASE_URL"] ?? "https://cloud.langfuse.com"}/api/public/otel/v1/traces`,
    headers: { authorization: `Basic ${langfuseKeys}`, "x-langfuse-ingestion-version": "4" },
  }),
];
const provider = new TracerProvider({
  resource: resourceFromAttributes({ "service.name": "orchestrator" }),
  spanProcessors: exporters.map((exporter) => new BatchSpanProcessor({ exporter })),
});
trace.setGlobalTracerProvider(provider);
setupPropagation();
// #endregion

trace.getTracer("example").startActiveSpan("orchestrate", (span) => {
  trace.getTracer("example").startSpan("ask", { kind: SpanKind.CLIENT }).end();
  span.end();
});
await provider.shutdown().catch((error: unknown) => console.error(`a backend rejected the spans: ${String(error)}`));
