import type { SeenSpan } from "./span.ts";

/** Spans of a Sentry envelope: a line of JSON for the envelope, then two for each item. */
export function fromSentry(envelope: string): SeenSpan[] {
  const lines = envelope.split("\n");
  const spans: SeenSpan[] = [];
  for (let i = 1; i + 1 < lines.length; i += 2) {
    const { type } = JSON.parse(lines[i] as string) as { type: string };
    const body = JSON.parse(lines[i + 1] as string) as { items?: never[]; spans?: never[]; contexts?: { trace: never } };
    if (type === "span") for (const item of body.items ?? []) spans.push(fromItem(item));
    if (type === "transaction" && body.contexts !== undefined) {
      for (const item of [body.contexts.trace, ...(body.spans ?? [])]) spans.push(fromItem(item));
    }
  }
  return spans;
}

interface SentrySpan {
  trace_id: string;
  span_id: string;
  parent_span_id?: string;
  name?: string;
  description?: string;
  op?: string;
  origin?: string;
  attributes?: Record<string, { value: string | number | boolean }>;
}

function fromItem(span: SentrySpan): SeenSpan {
  const attribute = (name: string): string => String(span.attributes?.[name]?.value ?? "");
  const op = span.op ?? attribute("sentry.op");
  // Of its own spans the operation tells; of those that came by way of OpenTelemetry, this.
  const kind = attribute("sentry.kind").toUpperCase();
  return {
    traceId: span.trace_id,
    spanId: span.span_id,
    parentId: span.parent_span_id,
    kind: op === "http.client" || kind === "CLIENT" ? "CLIENT" : op === "http.server" || kind === "SERVER" ? "SERVER" : "OTHER",
    name: span.name ?? span.description ?? "",
    by: span.origin ?? attribute("sentry.origin"),
  };
}
