import type { SeenSpan } from "./span.ts";

/** What fits into 53 bits may come as a number. */
type Field = number | bigint;

interface DatadogSpan {
  trace_id: Field;
  span_id: Field;
  parent_id: Field;
  name: string;
  resource: string;
  meta: Record<string, string>;
}

/** A span of the v0.5 format: twelve fields, whose strings are places in a table. */
type Row = [Field, Field, Field, Field, Field, Field, Field, Field, Field, Record<string, Field>, unknown, Field];

/** Spans of what a Datadog agent is sent, v0.4 or v0.5, decoded from MessagePack. */
export function fromDatadog(payload: DatadogSpan[][] | [string[], Row[][]]): SeenSpan[] {
  const chunks = typeof payload[0]?.[0] === "string" ? rows(payload as [string[], Row[][]]) : (payload as DatadogSpan[][]);
  return chunks.flatMap((chunk) => {
    // Only the first span of a chunk contains the upper half of the trace id.
    const upper = chunk.map(({ meta }) => meta["_dd.p.tid"]).find((tid) => tid !== undefined) ?? "";
    return chunk.map((span) => ({
      traceId: `${upper.padStart(16, "0")}${hex(span.trace_id)}`,
      spanId: hex(span.span_id),
      parentId: Number(span.parent_id) === 0 ? undefined : hex(span.parent_id),
      kind: kindOf(span.meta),
      name: `${span.name} ${span.resource}`,
      by: span.meta["component"] ?? "OpenTelemetry",
    }));
  });
}

function rows([strings, chunks]: [string[], Row[][]]): DatadogSpan[][] {
  const text = (place: Field): string => strings[Number(place)] ?? "";
  return chunks.map((chunk) =>
    chunk.map(([, name, resource, trace_id, span_id, parent_id, , , , meta]) => ({
      trace_id,
      span_id,
      parent_id,
      name: text(name),
      resource: text(resource),
      meta: Object.fromEntries(Object.entries(meta).map(([key, value]) => [text(Number(key)), text(value)])),
    })),
  );
}

function hex(id: Field): string {
  return BigInt(id).toString(16).padStart(16, "0");
}

// Spans of connections, which say of themselves that they are of a client too.
const NO_REQUESTS = new Set(["net", "dns", "tcp", "tls"]);

function kindOf(meta: Record<string, string>): SeenSpan["kind"] {
  if (NO_REQUESTS.has(meta["component"] ?? "")) return "OTHER";
  const kind = meta["span.kind"];
  return kind === "client" ? "CLIENT" : kind === "server" ? "SERVER" : "OTHER";
}
