/** A value of an attribute. Bytes are their base64 text; an integer beyond what a number holds exactly is a bigint. */
export type Value = string | number | boolean | bigint | null | readonly Value[] | { readonly [key: string]: Value };

export type Attributes = Readonly<Record<string, Value>>;

export type SpanKind = "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER";

export interface SpanEvent {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly name: string;
  readonly attributes: Attributes;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

/** A span as it was received. All in it may come from anybody: it is text to show, never markup or code. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Whether the parent is a span of another process; `undefined` where the exporter does not say. */
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
  /** One object for all spans of an export that share it, like the scope. */
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string };
  /** How many attributes, events and links are not here: those that the SDK dropped, and those beyond this receiver's limits. */
  readonly dropped: number;
  /** About how many bytes it takes in memory. */
  readonly size: number;
}
