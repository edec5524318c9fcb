import { ROOT_CONTEXT, SpanKind, SpanStatusCode, isSpanContextValid, trace } from "@opentelemetry/api";
import type { Attributes, Context, Histogram, Span, Tracer } from "@opentelemetry/api";
import { RPCType, getRPCMetadata, setRPCMetadata } from "@opentelemetry/core";
import {
  CLIENT_ADDRESS,
  ERROR_TYPE,
  HTTP_REQUEST_METHOD,
  HTTP_REQUEST_METHOD_ORIGINAL,
  HTTP_RESPONSE_STATUS_CODE,
  HTTP_ROUTE,
  HTTP_SERVER_REQUEST_DURATION,
  NETWORK_PEER_ADDRESS,
  NETWORK_PEER_PORT,
  NETWORK_PROTOCOL_VERSION,
  OTHER_METHOD,
  SERVER_ADDRESS,
  SERVER_PORT,
  URL_PATH,
  URL_QUERY,
  URL_SCHEME,
  USER_AGENT_ORIGINAL,
  errorType,
  headerValue,
  parseUrl,
  redactQuery,
} from "./attributes.ts";
import { readHeader, readHeaders } from "./carrier.ts";
import { recordFailure } from "./failure.ts";
import { guarded, reportFailure } from "./guard.ts";
import { durationSource, now } from "./metrics.ts";
import { SERVER_OPTIONS, checkOptions, requestRules } from "./options.ts";
import type { RequestRules, ServerOptions } from "./options.ts";
import { contextOf, propagationSource } from "./propagator.ts";
import type { Propagation } from "./propagator.ts";
import { checkContextManager, tracerSource } from "./telemetry.ts";

/** A server's options, read once at set-up. */
export interface ServerConfig extends RequestRules {
  readonly options: ServerOptions;
  readonly tracer: () => Tracer | undefined;
  readonly propagation: () => Propagation | undefined;
  readonly duration: () => Histogram<Attributes> | undefined;
}

/**
 * Checks and reads a server's options, for the function that is named.
 *
 * @throws TypeError for an option that is not there or has a wrong value.
 */
export function serverConfig<Request, Response>(caller: string, options: ServerOptions<Request, Response> = {}): ServerConfig {
  checkOptions(caller, options, SERVER_OPTIONS);
  return {
    ...requestRules(options),
    options: options as ServerOptions,
    tracer: tracerSource(options.tracerProvider),
    propagation: propagationSource(options.propagator),
    duration: durationSource(options.meterProvider, HTTP_SERVER_REQUEST_DURATION, "Duration of HTTP server requests."),
  };
}

/** What an adapter knows of a received request. */
export interface Received {
  readonly method: string;
  /** The request target: a path with its query, `*`, or an absolute URL (RFC 9112 section 3.2). */
  readonly target: string;
  readonly scheme: string;
  /** `Host` or `:authority`. */
  readonly host: string | undefined;
  /** In any shape that carriers have. */
  readonly headers: unknown;
  readonly peerAddress?: string | undefined;
  readonly peerPort?: number | undefined;
  readonly protocolVersion?: string | undefined;
}

/** A received request: what its handler runs in, and what becomes of it. Transitions are idempotent and total. */
export interface ServerCall {
  readonly context: Context;
  /** The template of the matched route. */
  route(template: string): void;
  /** The handler handed its response over: the user's hook sees it. */
  delivered(response: unknown): void;
  /** The response is over; without a status none was sent. */
  end(status: number | undefined, headers: unknown): void;
  /** The handler threw, or the response broke off for a reason of the server's. */
  fail(error: unknown, status: number | undefined): void;
}

/**
 * Begins a received request: the caller's context, and a SERVER span in it. Where a SERVER span is open already (another instrumentation's,
 * or an outer middleware of ours), that one is enriched and nothing is nested.
 *
 * @param active the context that the request is received in; it is looked at for an open SERVER span.
 * @param base what the caller's context is added to: nothing of an unrelated span that happens to be active may get in.
 * @returns undefined where the request is to be handled as if we were not there.
 */
export function receiveCall(
  config: ServerConfig,
  received: Received,
  request: unknown,
  active: Context,
  base: Context,
): ServerCall | undefined {
  try {
    checkContextManager();
    if (guarded("ignoreRequestHook", config.options.ignoreRequestHook, request) === true) return undefined;
    const open = openServerSpan(active);
    if (open !== undefined) return new EnrichedCall(config, request, received, active, open);
    const source = config.propagation();
    const carried = source === undefined ? undefined : readHeaders(received.headers, source.fields);
    const parent = carried === undefined ? base : contextOf(source as Propagation, carried, base);
    return new OwnCall(config, request, received, parent);
  } catch (error) {
    reportFailure("receiving a request", error);
    return undefined;
  }
}

/** The SERVER span that is open for this request: the API gives a span no kind, but instrumentation leaves it in the RPC metadata. */
function openServerSpan(active: Context): Span | undefined {
  const metadata = getRPCMetadata(active);
  if (metadata?.type === RPCType.HTTP) return metadata.span;
  const span = trace.getSpan(active);
  return (span as { kind?: SpanKind } | undefined)?.kind === SpanKind.SERVER && span?.isRecording() === true ? span : undefined;
}
