import type { Attributes, Span, Value } from "../span.ts";

const KINDS: Record<Span["kind"], number> = { INTERNAL: 1, SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 };
const STATUS_CODES: Record<Span["status"], number> = { unset: 0, ok: 1, error: 2 };

/**
 * Encodes spans as an ExportTraceServiceRequest in OTLP's JSON encoding, which every OTLP/HTTP receiver accepts.
 *
 * @returns a value for `JSON.stringify`.
 */
export function encodeTraces(spans: readonly Span[]): unknown {
  const resources = [...Map.groupBy(spans, (span) => span.resource)];
  return {
    resourceSpans: resources.map(([resource, ofResource]) => ({
      resource: { attributes: encodeAttributes(resource) },
      scopeSpans: [...Map.groupBy(ofResource, (span) => span.scope)].map(([scope, ofScope]) => ({
        scope,
        spans: ofScope.map(encodeSpan),
      })),
    })),
  };
}

function encodeSpan(span: Span): unknown {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    ...(span.remoteParent !== undefined && { flags: span.remoteParent ? 0x300 : 0x100 }),
    ...(span.traceState !== "" && { traceState: span.traceState }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: String(span.start),
    ...(span.end !== undefined && { endTimeUnixNano: String(span.end) }),
    attributes: encodeAttributes(span.attributes),
    droppedAttributesCount: span.dropped,
    events: span.events.map(({ time, name, attributes }) => ({
      timeUnixNano: String(time),
      name,
      attributes: encodeAttributes(attributes),
    })),
    links: span.links.map(({ traceId, spanId, attributes }) => ({ traceId, spanId, attributes: encodeAttributes(attributes) })),
    status: { code: STATUS_CODES[span.status], ...(span.statusMessage !== "" && { message: span.statusMessage }) },
  };
}

function encodeAttributes(attributes: Attributes): unknown[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: encodeValue(value) }));
}

function encodeValue(value: Value): unknown {
  if (value === null) return {};
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "bigint") return { intValue: String(value) };
  if (typeof value === "number") return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(encodeValue) } };
  return { kvlistValue: { values: encodeAttributes(value as Attributes) } };
}
