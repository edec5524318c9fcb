import type { Span } from "../../src/view/span.ts";

export const TRACE_ID = "4f1cb27a4f1cb27a4f1cb27a4f1cb27a";

/** Nanoseconds since 1970, from milliseconds after a moment in 2025. */
export function at(milliseconds: number): bigint {
  return 1_760_000_000_000_000_000n + BigInt(Math.round(milliseconds * 1e6));
}

export interface SpanSketch extends Partial<Omit<Span, "start" | "end" | "spanId">> {
  readonly spanId: string;
  /** Milliseconds; `end` of `null` is a span that was sent before its end. */
  readonly start?: number;
  readonly end?: number | null;
}

const RESOURCES = new Map<string, Span["resource"]>();
const SCOPE = { name: "test", version: "1.0.0" };

function resourceOf(service: string): Span["resource"] {
  const resource = RESOURCES.get(service) ?? { "service.name": service };
  RESOURCES.set(service, resource);
  return resource;
}

/** A span as a receiver keeps it, with what a test says of it. By itself it lasts from 0 to 10 ms. */
export function spanOf({ start = 0, end = 10, service = "orchestrator", ...rest }: SpanSketch): Span {
  return {
    traceId: TRACE_ID,
    parentSpanId: undefined,
    remoteParent: undefined,
    traceState: "",
    name: rest.spanId,
    kind: "INTERNAL",
    service,
    status: "unset",
    statusMessage: "",
    attributes: {},
    events: [],
    links: [],
    resource: resourceOf(service),
    scope: SCOPE,
    dropped: 0,
    size: 500,
    ...rest,
    start: at(start),
    end: end === null ? undefined : at(end),
  };
}
