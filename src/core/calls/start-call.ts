import { ROOT_CONTEXT, SpanKind, context as contextApi } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import { unsuppressed } from "../context/call-context.ts";
import { readHeaders } from "../propagation/carrier.ts";
import { nameSpan, recogniseCall, startAttributes } from "../http/client-attributes.ts";
import { ClientCall } from "./client-call.ts";
import type { ClientConfig } from "./client-config.ts";
import { safeCall, reportFailure } from "../telemetry/diagnostics.ts";
import { hasParent, isTracedAlready, parentOf } from "../propagation/parent.ts";
import { hasContext } from "../propagation/propagator.ts";
import type { Propagation } from "../propagation/propagator.ts";
import { checkContextManager } from "../telemetry/tracer.ts";

const NOTHING: readonly string[] = [];

/**
 * Whether a call could be told of at all. Without an SDK and outside of any trace there is nothing, and an adapter that asks first need not even
 * read the request.
 */
export function isTracingActive(config: ClientConfig): boolean {
  checkContextManager();
  return config.tracer() !== undefined || config.duration() !== undefined || contextApi.active() !== ROOT_CONTEXT;
}

/**
 * Begins an outbound attempt: a span if one is wanted, and the headers that carry it.
 *
 * @param method as it goes on the wire.
 * @param url absolute and normalised (`URL.href`); what the caller gave where it is no URL.
 * @param headers the caller's, in any shape that can be read twice.
 * @param request what the client's hooks are told of; needed only if `config.hooked`.
 * @param previous the attempt that this one is a re-send of.
 * @param body the caller's; a string of A2A is looked into if the option `a2a` says so.
 * @returns undefined where the request is to go through untouched: ignored, suppressed, already traced, or nothing to tell.
 */
export function startCall(
  config: ClientConfig,
  method: string,
  url: string,
  headers: unknown,
  request: unknown,
  previous?: ClientCall,
  body?: unknown,
): ClientCall | undefined {
  try {
    const source = config.propagation();
    if (previous !== undefined) {
      return beginCall(config, method, url, headers, request, previous.parentOfNext(), source, NOTHING, previous, body);
    }
    const active = unsuppressed(contextApi.active());
    if (active === undefined) return undefined;
    if (config.hooked && safeCall("ignoreRequestHook", config.options.ignoreRequestHook, request) === true) return undefined;
    const carried = source === undefined ? undefined : readHeaders(headers, source.fields);
    if (carried !== undefined && isTracedAlready(carried, active)) return undefined;
    const parent = carried === undefined ? active : parentOf(active, carried, source as Propagation);
    const byHand = carried === undefined ? NOTHING : (source as Propagation).fields;
    return beginCall(config, method, url, headers, request, parent, source, byHand, undefined, body);
  } catch (error) {
    reportFailure("starting a call", error);
    return undefined;
  }
}

function beginCall(
  config: ClientConfig,
  method: string,
  url: string,
  headers: unknown,
  request: unknown,
  parent: Context,
  source: Propagation | undefined,
  byHand: readonly string[],
  previous: ClientCall | undefined,
  body: unknown,
): ClientCall | undefined {
  const duration = config.duration();
  const wantsSpan = config.options.requireParentforSpans !== true || hasParent(parent);
  const tracer = wantsSpan ? config.tracer() : undefined;
  if (tracer === undefined && duration === undefined && (source === undefined || !hasContext(parent))) return undefined;

  const target = config.target(method, url);
  const resendCount = previous === undefined ? 0 : previous.resendCount + 1;
  const attributes = startAttributes(config, target, headers, resendCount);
  const a2a = previous === undefined ? recogniseCall(config, target, headers, body) : previous.a2a;
  const name = nameSpan(config, attributes, request, a2a);
  const span = tracer === undefined ? undefined : startSpan(tracer, name, attributes, parent);
  const call = new ClientCall(config, parent, span, duration, target, request, previous);
  call.a2a = a2a;
  if (span !== undefined && config.hooked) safeCall("requestHook", config.options.requestHook, span, request);
  if (source !== undefined) call.inject(source, byHand, url, previous);
  return call;
}

function startSpan(tracer: Tracer, name: string, attributes: Attributes, parent: Context): Span | undefined {
  try {
    return tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent);
  } catch (error) {
    reportFailure("the tracer", error);
    return undefined;
  }
}
