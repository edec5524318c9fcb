import { SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes, Span } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { ATTR_SERVICE_NAME } from "@opentelemetry/semantic-conventions";
import { setupPropagation } from "a2a-otel/setup";

const { DEMO_RECEIVER, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = process.env;

/** Limit of an export in milliseconds, so that a backend that does not respond does not delay the demo. */
const TIMEOUT = 2000;

/**
 * Starts an OpenTelemetry SDK for an agent. It exports to the demo's receiver, and to the backend that the environment names, if any.
 *
 * @returns a function that exports the remaining spans and shuts the SDK down.
 */
export function startTelemetry(service: string): () => Promise<void> {
  const exporters = [new OTLPTraceExporter({ url: `${DEMO_RECEIVER}/v1/traces`, timeoutMillis: TIMEOUT })];
  const backend = OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? OTEL_EXPORTER_OTLP_ENDPOINT;
  // Without a URL, the exporter reads endpoint, headers and certificates from the environment.
  if (backend !== undefined && backend !== "") exporters.push(new OTLPTraceExporter({ timeoutMillis: TIMEOUT }));
  const spanProcessors = exporters.map((exporter) => new BatchSpanProcessor({ exporter }));
  const resource = defaultResource().merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: service }));
  trace.setGlobalTracerProvider(new TracerProvider({ resource, spanProcessors }));
  setupPropagation();
  return async () => {
    const results = await Promise.allSettled(spanProcessors.map((processor) => processor.shutdown()));
    for (const [index, result] of results.entries()) {
      if (result.status === "rejected") {
        console.error(`${service}: spans did not reach ${index === 0 ? "the demo's receiver" : backend}: ${String(result.reason)}`);
      }
    }
  };
}

/** Runs work of the agent itself in a span. */
export function inSpan<Result>(name: string, attributes: Attributes, work: (span: Span) => Promise<Result>): Promise<Result> {
  return trace.getTracer("demo").startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}
