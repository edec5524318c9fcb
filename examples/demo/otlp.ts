/** What the demo needs to know of a span that came in over OTLP. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Whether the parent is a span of another process. */
  readonly remoteParent: boolean;
  readonly name: string;
  readonly kind: "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER";
  readonly service: string;
  readonly failed: boolean;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** OTLP's JSON encoding, as far as it is read here: 64-bit integers are strings or numbers, enums are numbers. */
export interface ExportTraceServiceRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly OtlpSpan[] }[];
  }[];
}

interface KeyValue {
  readonly key: string;
  readonly value?: AnyValue;
}

interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly flags?: number;
  readonly name: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string | number;
  readonly endTimeUnixNano: string | number;
  readonly attributes?: readonly KeyValue[];
  readonly status?: { readonly code?: number };
}

const KINDS = ["INTERNAL", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"] as const;
// opentelemetry-proto, SpanFlags: CONTEXT_IS_REMOTE_MASK.
const IS_REMOTE = 0x200;
const STATUS_CODE_ERROR = 2;

/** The spans of an export, with the service that each is of. */
export function decodeSpans({ resourceSpans = [] }: ExportTraceServiceRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = resource?.attributes?.find(({ key }) => key === "service.name")?.value?.stringValue ?? "unknown_service";
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => decodeSpan(span, service)));
  });
}

function decodeSpan(span: OtlpSpan, service: string): ReceivedSpan {
  const { traceId, spanId, name, parentSpanId } = span;
  return {
    traceId,
    spanId,
    parentSpanId: parentSpanId === "" ? undefined : parentSpanId,
    remoteParent: ((span.flags ?? 0) & IS_REMOTE) !== 0,
    name,
    kind: KINDS[span.kind ?? 0] ?? "INTERNAL",
    service,
    failed: span.status?.code === STATUS_CODE_ERROR,
    start: milliseconds(span.startTimeUnixNano),
    end: milliseconds(span.endTimeUnixNano),
    attributes: record(span.attributes),
  };
}

/** To a microsecond, which is what a double still holds of the time since 1970. */
function milliseconds(nanoseconds: string | number): number {
  return Number(BigInt(nanoseconds) / 1000n) / 1000;
}

function record(attributes: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value = {} }) => [key, decodeValue(value)]));
}

function decodeValue({ stringValue, boolValue, intValue, doubleValue, arrayValue }: AnyValue): unknown {
  if (intValue !== undefined) return Number(intValue);
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map(decodeValue);
  return stringValue ?? boolValue ?? doubleValue;
}
