import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { AttributeValue, Attributes, Context, Histogram, Link, Span, Tracer } from "@opentelemetry/api";
import { RPCType, getRPCMetadata } from "@opentelemetry/core";
import type { RPCMetadata } from "@opentelemetry/core";
import {
  ERROR_TYPE,
  HTTP_REQUEST_METHOD,
  HTTP_RESPONSE_STATUS_CODE,
  HTTP_ROUTE,
  NETWORK_PEER_PORT,
  OTHER_METHOD,
} from "../http/attributes.ts";
import { errorType, recordException } from "../http/errors.ts";
import { redactHeader } from "../http/redaction.ts";
import { readHeader } from "../propagation/carrier.ts";
import { safeCall, reportFailure } from "../telemetry/diagnostics.ts";
import { now } from "../telemetry/meter.ts";
import { sharedState } from "../telemetry/shared-state.ts";
import { acceptedBaggage, withoutCallersTrace } from "../propagation/policy.ts";
import { extract, truncateHeaders } from "../propagation/propagator.ts";
import { RequestContext } from "../context/request-context.ts";
import { knownMethod, measuredAttributes, requestAttributes, requestHeaders } from "../http/server-attributes.ts";
import type { Received } from "../http/server-attributes.ts";
import type { ServerConfig } from "./server-config.ts";
import { checkContextManager } from "../telemetry/tracer.ts";

/** A received request: what its handler runs in, and what becomes of it. Transitions are idempotent and total. */
export interface ServerCall {
  /** What the handler runs in. */
  readonly context: Context;
  /** Whether the span ends with this call; else it is somebody else's. */
  readonly endsSpan: boolean;
  /** Whether a context is this request's, or derived from it. */
  owns(context: Context): boolean;
  /** The framework matched the route with this template. */
  matched(route: string): void;
  /**
   * The response is over; without a status none was sent. `headers` tells its headers in any shape, `response` is what the user's hook is told of.
   *
   * @param time of the end in milliseconds of `performance.now()`; default: now.
   */
  end(status: number | undefined, headers: () => unknown, response: unknown, time?: number): void;
  /** The handler threw, or the response broke off for a reason of the server's; with what is known of the response, if there is one. */
  fail(error: unknown, status: number | undefined, headers?: () => unknown, response?: unknown): void;
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
    const { ignoreRequestHook } = config.options;
    if (ignoreRequestHook !== undefined && safeCall("ignoreRequestHook", ignoreRequestHook, request) === true) return undefined;
    const open = openServerSpan(active);
    const source = config.propagation();
    const carried = source && received.carried(source.fields);
    if (open === undefined && carried === undefined && active === base && !isRecorded(config)) return undefined;
    const stale = open !== undefined && isOfAnother(open.span, received);
    if (open !== undefined && !stale) return new EnrichedCall(config, received, request, active, open);
    const own = stale ? ROOT_CONTEXT : base;
    const caller = source && carried ? extract(source, truncateHeaders(carried), own) : own;
    return new OwnCall(config, received, request, admitted(config, caller, own, request));
  } catch (error) {
    reportFailure("receiving a request", error);
    return undefined;
  }
}

/** Whether an SDK is there to be told of a request. */
function isRecorded(config: ServerConfig): boolean {
  return config.tracer() !== undefined || config.duration() !== undefined;
}

/** What a request hangs under, and what its span links to. */
interface Parent {
  readonly context: Context;
  readonly links: Link[];
}

/** What of the caller's context gets in. */
function admitted({ options }: ServerConfig, caller: Context, own: Context, request: unknown): Parent {
  const context = acceptedBaggage(caller, own, options.acceptBaggage);
  const { incoming = "parent" } = options;
  const mode = typeof incoming === "function" ? safeCall("incoming", incoming, request) : incoming;
  if (mode === "parent") return { context, links: [] };
  const remote = trace.getSpanContext(caller);
  const links = mode === "link" && remote?.isRemote === true ? [{ context: remote }] : [];
  return { context: withoutCallersTrace(context, own), links };
}

export interface OpenServerSpan {
  readonly span: Span;
  readonly metadata: RPCMetadata | undefined;
}

/** The SERVER span that is open for this request: the API gives a span no kind, but instrumentation leaves it in the RPC metadata. */
export function openServerSpan(active: Context): OpenServerSpan | undefined {
  const metadata = getRPCMetadata(active);
  if (metadata?.type === RPCType.HTTP) return { span: metadata.span, metadata };
  const span = trace.getSpan(active);
  const isServer = (span as { kind?: SpanKind } | undefined)?.kind === SpanKind.SERVER;
  return isServer && span?.isRecording() === true ? { span, metadata: undefined } : undefined;
}

/**
 * Whether a SERVER span is another request's: a server that is made in a handler is told of its requests in that handler's context. What
 * tells is that the span has ended, or that its peer is another; the API shows neither, but the span of an SDK does.
 */
function isOfAnother(span: Span, { peerPort }: Received): boolean {
  const { ended, attributes } = span as { ended?: boolean; attributes?: Attributes };
  if (ended === true) return true;
  const port = attributes?.[NETWORK_PEER_PORT];
  return port !== undefined && peerPort !== undefined && port !== peerPort;
}

const NO_SPAN: Span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** A request whose SERVER span is ours. */
class OwnCall implements ServerCall {
  readonly endsSpan = true;
  readonly context: Context;
  readonly #config: ServerConfig;
  readonly #request: unknown;
  readonly #span: Span | undefined;
  readonly #recording: boolean;
  /** By which other instrumentation finds the span, and tells the route. */
  readonly #metadata: RPCMetadata;
  readonly #duration: Histogram | undefined;
  readonly #attributes: Attributes;
  readonly #start: number;
  #route: string | undefined;
  #ended = false;

  constructor(config: ServerConfig, received: Received, request: unknown, parent: Parent) {
    this.#config = config;
    this.#request = request;
    this.#duration = config.duration();
    const tracer = config.tracer();
    this.#attributes = tracer === undefined && this.#duration === undefined ? {} : requestAttributes(config, received);
    this.#start = this.#duration === undefined ? 0 : now();
    this.#span = tracer && startSpan(tracer, this.#attributes, parent);
    this.#recording = this.#span?.isRecording() === true;
    this.#metadata = { type: RPCType.HTTP, span: this.#span ?? NO_SPAN };
    this.context = new RequestContext(parent.context, this.#span, this.#metadata);
    if (this.#recording) safeCall("requestHook", config.options.requestHook, this.#span as Span, request);
  }

  owns(context: Context): boolean {
    return getRPCMetadata(context) === this.#metadata;
  }

  matched(route: string): void {
    this.#route = route;
  }

  end(status: number | undefined, headers: () => unknown, response: unknown, time?: number): void {
    if (this.#ended) return;
    if (status !== undefined && status >= 500) this.#error(String(status));
    this.#end(status, headers, response, time);
  }

  fail(error: unknown, status: number | undefined, headers?: () => unknown, response?: unknown): void {
    if (this.#ended) return;
    this.#error(errorType(error));
    if (this.#recording)
      safeCall("recording an exception", () => recordException(this.#span as Span, error, this.#config.sensitive));
    this.#end(status, headers, response);
  }

  #error(type: string): void {
    this.#attributes[ERROR_TYPE] = type;
    if (!this.#recording) return;
    setAttribute(this.#span, ERROR_TYPE, type);
    safeCall("a span", () => this.#span?.setStatus({ code: SpanStatusCode.ERROR }));
  }

  #end(status: number | undefined, headers: (() => unknown) | undefined, response: unknown, time?: number): void {
    this.#ended = true;
    const route = this.#route ?? this.#metadata.route;
    if (this.#recording) {
      if (status !== undefined) setAttribute(this.#span, HTTP_RESPONSE_STATUS_CODE, status);
      if (route !== undefined) nameByRoute(this.#span as Span, this.#attributes, route);
      finish(this.#config, this.#span as Span, this.#request, headers, response);
    }
    try {
      this.#span?.end(time);
      this.#duration?.record(
        ((time ?? now()) - this.#start) / 1000,
        measuredAttributes(this.#attributes, route, status),
        this.context,
      );
    } catch (error) {
      reportFailure("ending a span", error);
    }
  }
}

/** A request whose SERVER span another instrumentation, or an outer middleware of ours, has opened and will end. */
class EnrichedCall implements ServerCall {
  readonly endsSpan = false;
  readonly context: Context;
  readonly #config: ServerConfig;
  readonly #request: unknown;
  readonly #open: OpenServerSpan;
  readonly #attributes: Attributes;
  readonly #isActive: boolean;
  #ended = false;

  constructor(config: ServerConfig, received: Received, request: unknown, active: Context, open: OpenServerSpan) {
    this.#config = config;
    this.#request = request;
    this.#open = open;
    // Whoever opened the span has let the caller's baggage in by its own rules.
    this.context = acceptedBaggage(active, ROOT_CONTEXT, config.options.acceptBaggage);
    this.#isActive = this.context === active;
    this.#attributes = { [HTTP_REQUEST_METHOD]: knownMethod(config, received.method) };
    for (const [name, value] of Object.entries(requestHeaders(config, received))) setAttribute(open.span, name, value);
    safeCall("requestHook", config.options.requestHook, open.span, request);
  }

  // Whoever opened the span has bound the request to its context; to ours we have to.
  owns(context: Context): boolean {
    return this.#isActive || context === this.context;
  }

  matched(route: string): void {
    // The instrumentation that owns the span names it by this when the response ends.
    if (this.#open.metadata !== undefined && !sharedState.namedSpans.has(this.#open.span)) this.#open.metadata.route = route;
    nameByRoute(this.#open.span, this.#attributes, route);
  }

  end(_status: number | undefined, headers: (() => unknown) | undefined, response: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    finish(this.#config, this.#open.span, this.#request, headers, response);
  }

  fail(_error: unknown, status: number | undefined, headers?: () => unknown, response?: unknown): void {
    this.end(status, headers, response);
  }
}

function startSpan(tracer: Tracer, attributes: Attributes, { context, links }: Parent): Span | undefined {
  try {
    return tracer.startSpan(spanName(attributes), { kind: SpanKind.SERVER, attributes, links }, context);
  } catch (error) {
    reportFailure("the tracer", error);
    return undefined;
  }
}

function spanName(attributes: Attributes): string {
  const method = attributes[HTTP_REQUEST_METHOD] as string;
  return method === OTHER_METHOD ? "HTTP" : method;
}

function nameByRoute(span: Span, attributes: Attributes, route: string): void {
  setAttribute(span, HTTP_ROUTE, route);
  if (sharedState.namedSpans.has(span)) return;
  safeCall("a span", () => span.updateName(`${spanName(attributes)} ${route}`));
}

function finish(config: ServerConfig, span: Span, request: unknown, headers: (() => unknown) | undefined, response: unknown): void {
  if (config.responseHeaders.length > 0) {
    const sent = safeCall("reading the response's headers", headers);
    for (const header of config.responseHeaders) {
      const value = readHeader(sent, header.name);
      if (value !== undefined) setAttribute(span, header.attribute, [redactHeader(header.name, value)]);
    }
  }
  if (response !== undefined) safeCall("responseHook", config.options.responseHook, span, { request, response });
}

function setAttribute(span: Span | undefined, name: string, value: AttributeValue): void {
  try {
    span?.setAttribute(name, value);
  } catch (error) {
    reportFailure("a span", error);
  }
}
