/** An attribute's value. Bytes are base64 text; an integer outside of the safe range of numbers is a bigint. */
export type Value = string | number | boolean | bigint | null | readonly Value[] | { readonly [key: string]: Value };

export type Attributes = Readonly<Record<string, Value>>;

type SpanKind = "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER";

interface SpanEvent {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly name: string;
  readonly attributes: Attributes;
}

interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

/** A received span. Its content is untrusted: it is displayed as text, never used as markup or code. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Whether the parent is a span of another process; `undefined` if the exporter does not say. */
  readonly remoteParent: boolean | undefined;
  readonly traceState: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** `service.name` of the resource. */
  readonly service: string;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  /** Nanoseconds since 1970; `undefined` for a span that was exported before its end. */
  readonly end: bigint | undefined;
  readonly status: "unset" | "ok" | "error";
  readonly statusMessage: string;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  /** The same object for all spans of an export with this resource; likewise the scope. */
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string };
  /** The number of attributes, events and links that are missing: dropped by the SDK, or beyond this receiver's limits. */
  readonly dropped: number;
  /** The approximate size in memory, in bytes. */
  readonly size: number;
}
