import { ROOT_CONTEXT, SpanKind, context as contextApi } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import { withoutCallSuppression } from "../context/call-context.ts";
import { purposeOf } from "../http/endpoints.ts";
import { clientStartAttributes, nameSpan, optInMetricAttributes, recogniseCall } from "../http/client-attributes.ts";
import { readHeaders } from "../propagation/carrier.ts";
import { hasParent, parentFromHeaders } from "../propagation/parent.ts";
import { hasContext, inject } from "../propagation/propagator.ts";
import { BAGGAGE } from "../propagation/baggage.ts";
import { TRACEPARENT, TRACESTATE } from "../propagation/trace-context.ts";
import type { Propagation } from "../propagation/propagator.ts";
import { reportFailure, safeCall } from "../telemetry/diagnostics.ts";
import { checkContextManager } from "../telemetry/tracer.ts";
import { ClientCall } from "./client-call.ts";
import type { ClientConfig } from "./client-config.ts";
import { findOuterCall, isHttpSpanFor } from "./outer-call.ts";
import { SpanRecording } from "./span-recording.ts";

const NONE: readonly string[] = [];

/** A request as an adapter is about to send it. */
export interface OutboundRequest {
  /** The method as it is sent. */
  readonly method: string;
  /** Absolute and normalised (`URL.href`); what the caller passed if it is not a URL. */
  readonly url: string;
  /** The caller's headers, in any shape that can be read twice. */
  readonly headers: unknown;
  /** The request as the client's hooks receive it; needed only if `config.hooked`. */
  readonly request: unknown;
  /** The attempt that this request re-sends. */
  readonly previous?: ClientCall | undefined;
  /** The caller's body; a string is searched for an A2A method if the option `a2a` says so. */
  readonly body?: unknown;
}

/**
 * Whether a call might be recorded or propagated. Without an SDK and outside of any trace it cannot, and an adapter that asks first need not read
 * the request.
 */
export function isTracingActive(config: ClientConfig): boolean {
  return config.tracer() !== undefined || config.duration() !== undefined || contextApi.active() !== ROOT_CONTEXT;
}

/**
 * Starts an outbound attempt: a span if one is recorded, and the headers that propagate it.
 *
 * @returns undefined if the request must go through untouched: it is ignored, tracing is suppressed, or there is nothing to record or propagate. A
 * request that belongs to the call of an outer instrumentation gets a call only if this instrumentation's policy takes headers away from it.
 */
export function startCall(config: ClientConfig, outbound: OutboundRequest): ClientCall | undefined {
  try {
    checkContextManager();
    const source = config.propagation();
    const { previous } = outbound;
    if (previous !== undefined && !previous.isInner) {
      const call = beginCall(config, outbound, previous.parentOfNext, previous);
      if (source !== undefined) call?.inject(source, outbound.url, NONE, previous.issuedNames);
      return call;
    }
    return startFirstAttempt(config, outbound, source);
  } catch (error) {
    reportFailure("starting a call", error);
    return undefined;
  }
}

function startFirstAttempt(
  config: ClientConfig,
  outbound: OutboundRequest,
  source: Propagation | undefined,
): ClientCall | undefined {
  const { method, url, headers, request } = outbound;
  const active = contextApi.active();
  const allowed = withoutCallSuppression(active);
  if (allowed === undefined) return undefined;
  const context = purposeOf(method, url)?.startsTrace === true ? ROOT_CONTEXT : allowed;
  if (config.hooked && safeCall("ignoreRequestHook", config.options.ignoreRequestHook, request) === true) return undefined;
  const fields = source?.fields ?? NONE;
  const existing = readHeaders(headers, fields.includes(TRACEPARENT) ? fields : [...fields, TRACEPARENT]);
  const outer = findOuterCall(active, existing?.[TRACEPARENT], method, url);
  if (outer !== undefined) return joinCall(config, outbound, active, outer);
  if (source === undefined || existing === undefined) {
    const call = beginCall(config, outbound, context, undefined);
    if (source !== undefined) call?.inject(source, url, NONE, NONE);
    return call;
  }
  const ofActiveSpan = fieldsOfActiveSpan(existing, context, source);
  if (ofActiveSpan.length > 0 && isHttpSpanFor(context, url)) {
    return restrictHeaders({ config, outbound, active: context, existing });
  }
  const call = beginCall(config, outbound, parentFromHeaders(context, existing, source), undefined);
  call?.inject(source, url, source.fields, ofActiveSpan);
  return call;
}

/**
 * The fields in which a request has what the propagator writes for the active span: a library has injected them by itself, as Anthropic's SDK
 * does. The application did not set them, so the policy applies to them.
 */
function fieldsOfActiveSpan(existing: Record<string, string>, active: Context, source: Propagation): string[] {
  if (!hasContext(active)) return [];
  const injected = inject(source, active);
  return Object.keys(existing).filter((name) => existing[name] === injected[name]);
}

/** The request belongs to the call of an outer instrumentation of this package: no span, no header, but the policies of both apply. */
function joinCall(config: ClientConfig, outbound: OutboundRequest, active: Context, outer: ClientCall): ClientCall | undefined {
  outer.addPolicy(config.policy);
  const fields = new Set([...(config.propagation()?.fields ?? NONE), ...(outer.config.propagation()?.fields ?? NONE)]);
  const existing = readHeaders(outbound.headers, [...fields]);
  return existing === undefined ? undefined : restrictHeaders({ config, outbound, active, existing, outer });
}

/**
 * Applies the policy of node-wide instrumentation to a request that is traced already: no span, no header.
 *
 * @param outer the call that the request belongs to; undefined if its headers are those of another instrumentation's span.
 * @returns a call with the headers to change; undefined if the policy allows them all.
 */
export function restrictCall(
  config: ClientConfig,
  outbound: OutboundRequest,
  outer: ClientCall | undefined,
): ClientCall | undefined {
  const active = contextApi.active();
  if (outer !== undefined) return joinCall(config, outbound, active, outer);
  const existing = readHeaders(outbound.headers, [...new Set([...(config.propagation()?.fields ?? NONE), ...W3C_FIELDS])]);
  return existing === undefined ? undefined : restrictHeaders({ config, outbound, active, existing });
}

const W3C_FIELDS = [TRACEPARENT, TRACESTATE, BAGGAGE];

interface RestrictedRequest {
  readonly config: ClientConfig;
  readonly outbound: OutboundRequest;
  readonly active: Context;
  readonly existing: Record<string, string>;
  /** Undefined: the headers are those of another instrumentation's span. */
  readonly outer?: ClientCall;
}

/** A call that only takes away what the policy forbids; undefined if it allows all headers that there are. */
function restrictHeaders({ config, outbound, active, existing, outer }: RestrictedRequest): ClientCall | undefined {
  const { method, url } = outbound;
  const recording = new SpanRecording(config, config.target(method, url), undefined, undefined);
  const call = ClientCall.join(recording, active, outer);
  call.restrict(existing, url, outer?.config.policy);
  return call.headers === undefined ? undefined : call;
}

function beginCall(
  config: ClientConfig,
  { method, url, headers, request, body }: OutboundRequest,
  parent: Context,
  previous: ClientCall | undefined,
): ClientCall | undefined {
  const duration = config.duration();
  const wantsSpan = config.options.requireParentforSpans !== true || hasParent(parent);
  const tracer = wantsSpan ? config.tracer() : undefined;
  if (tracer === undefined && duration === undefined && (!hasContext(parent) || config.propagation() === undefined))
    return undefined;

  const target = config.target(method, url);
  if (previous === undefined && target.isTelemetrySink) return undefined;
  const resendCount = previous === undefined ? retryCountOf(headers) : previous.resendCount + 1;
  const attributes = clientStartAttributes(config, target, headers, resendCount);
  const a2a = previous === undefined ? recogniseCall(config, target, headers, body) : previous.a2a;
  const name = nameSpan(config, attributes, { request, parent, a2a });
  const span = tracer === undefined ? undefined : startSpan(tracer, name, attributes, parent);
  const purpose = previous === undefined ? purposeOf(method, url) : previous.purpose;
  const recording = new SpanRecording(config, target, span, duration);
  recording.expectedStatuses = purpose?.expectedStatuses;
  const { metricAttributes } = config.options;
  if (metricAttributes !== undefined) recording.metricAttributes = optInMetricAttributes(metricAttributes, target, attributes);
  const call = new ClientCall(recording, parent, request, previous);
  call.a2a = a2a;
  call.purpose = purpose;
  call.resendCount = resendCount;
  if (span !== undefined && config.hooked) safeCall("requestHook", config.options.requestHook, span, request);
  return call;
}

const RETRY_COUNT = ["x-stainless-retry-count"];

/** How often an SDK has repeated a request: those of OpenAI, Anthropic and others state it in a header of each request. */
function retryCountOf(headers: unknown): number {
  const count = readHeaders(headers, RETRY_COUNT)?.["x-stainless-retry-count"];
  return count !== undefined && /^[1-9]\d{0,3}$/.test(count) ? Number(count) : 0;
}

function startSpan(tracer: Tracer, name: string, attributes: Attributes, parent: Context): Span | undefined {
  try {
    return tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent);
  } catch (error) {
    reportFailure("the tracer", error);
    return undefined;
  }
}
