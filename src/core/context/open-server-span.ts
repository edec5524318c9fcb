import { SpanKind, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span } from "@opentelemetry/api";
import { RPCType, getRPCMetadata } from "@opentelemetry/core";
import type { RPCMetadata } from "@opentelemetry/core";
import { NETWORK_PEER_PORT } from "../http/attributes.ts";

/** RPC metadata of HTTP, through which a protocol on top of HTTP also reports its errors to the call that owns the span. */
export interface RequestMetadata extends RPCMetadata {
  /** The attributes that the span started with: those of a span that is not recorded cannot be read. */
  readonly attributes?: Attributes;
  /** `error.type` of an error that the HTTP status does not show. */
  errorType?: string;
}

/** A SERVER span that has been started for the request that is being handled. */
export interface OpenServerSpan {
  readonly span: Span;
  /** Through which frameworks report the route to the instrumentation that started the span. */
  readonly metadata: RequestMetadata | undefined;
}

/**
 * The SERVER span that is open in a context: the one in the RPC metadata, where HTTP instrumentation leaves it, or else the active span if
 * it is of kind SERVER. The API does not expose a span's kind, but spans of the SDK have it as a property.
 */
export function openServerSpan(context: Context): OpenServerSpan | undefined {
  const metadata = getRPCMetadata(context);
  if (metadata?.type === RPCType.HTTP) return { span: metadata.span, metadata };
  const span = trace.getSpan(context);
  const isServer = (span as { kind?: SpanKind } | undefined)?.kind === SpanKind.SERVER;
  return isServer && span?.isRecording() === true ? { span, metadata: undefined } : undefined;
}

/**
 * Whether a SERVER span belongs to another request than the one from `peerPort`. A server that is created inside a handler receives its
 * requests in that handler's context. The span has then ended, or it has another peer; spans of the SDK have both as properties.
 */
export function isOfAnotherRequest(span: Span, peerPort: number | undefined): boolean {
  if (hasEnded(span)) return true;
  const port = (span as { attributes?: Attributes }).attributes?.[NETWORK_PEER_PORT];
  return port !== undefined && peerPort !== undefined && port !== peerPort;
}

/** Whether a span has ended and logs a warning when it is written to. */
export function hasEnded(span: Span): boolean {
  return (span as { ended?: boolean }).ended === true;
}
