import { SpanKind, trace } from "@opentelemetry/api";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { TracerProvider } from "@opentelemetry/sdk-trace";

// The platform's own, before anything wraps it: what is exported is no part of a test.
const platformFetch = globalThis.fetch;

let ended = [];
let unsent = [];

/** Starts an SDK that keeps what has ended, until it is asked for. */
export function startTelemetry(service) {
  const keep = {
    onStart() {},
    onEnd(span) {
      ended.push(span);
      unsent.push(span);
    },
    async forceFlush() {},
    async shutdown() {},
  };
  const resource = resourceFromAttributes({ "service.name": service });
  trace.setGlobalTracerProvider(new TracerProvider({ resource, spanProcessors: [keep] }));
}

/** The spans of this package's client side that have ended since `forget`: on Node the agent that is called is in the same process. */
export function ownSpans() {
  return ended.filter((span) => span.instrumentationScope.name === "a2a-otel" && span.kind !== SpanKind.SERVER);
}

/** What a check compares of the spans that have ended, and forgets them. */
export function endedSpans() {
  const spans = ended.map((span) => ({
    kind: span.kind,
    name: span.name,
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parentSpanId: span.parentSpanContext?.spanId,
  }));
  forget();
  return spans;
}

/** Forgets all that has ended: checks of the client's side look at their spans here, and export none. */
export function forget() {
  ended = [];
  unsent = [];
}

/** Exports what has ended as OTLP in JSON. */
export async function flush(collector) {
  const spans = unsent;
  forget();
  if (spans.length === 0) return;
  const body = JsonTraceSerializer.serializeRequest(spans);
  const headers = { "content-type": "application/json" };
  const response = await platformFetch(`${collector}/v1/traces`, { method: "POST", headers, body });
  if (!response.ok) throw new Error(`the collector answered ${response.status}: ${await response.text()}`);
}
