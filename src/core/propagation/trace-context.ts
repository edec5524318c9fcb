/** W3C Trace Context level 2, where the stock propagator and the SDK implement level 1: the grammar of `tracestate` and the random flag. */

import { trace } from "@opentelemetry/api";
import type { Context, TraceState } from "@opentelemetry/api";

export const TRACEPARENT = "traceparent";
export const TRACESTATE = "tracestate";

// Section 3.2.2.5 defines two flags. The other bits must not be passed on.
const KNOWN_FLAGS = 0x03;
const RANDOM_FLAG = 0x02;
const RANDOM_TRACE_KEY = Symbol("a2a-otel.random-trace");

/**
 * Corrects an extracted remote span: keeps the two known flags, remembers the random flag, and parses `tracestate` by the grammar of level 2. A span
 * context that does not come from the `traceparent` header (another format, the base context) is left as it is.
 */
export function applyLevel2(extracted: Context, headers: Record<string, string>): Context {
  const spanContext = trace.getSpanContext(extracted);
  if (spanContext === undefined || headers[TRACEPARENT]?.includes(spanContext.spanId) !== true) return extracted;
  const { traceId, traceFlags } = spanContext;
  const tracestate = headers[TRACESTATE];
  // Child spans of the SDK keep the sampled flag alone, so the context has to carry the trace's random flag.
  const context = (traceFlags & RANDOM_FLAG) === 0 ? extracted : extracted.setValue(RANDOM_TRACE_KEY, traceId);
  if (traceFlags <= KNOWN_FLAGS && tracestate === undefined) return context;
  const { traceState: _, ...rest } = spanContext;
  const traceState = tracestate === undefined ? undefined : parseTraceState(tracestate);
  return trace.setSpanContext(context, { ...rest, traceFlags: traceFlags & KNOWN_FLAGS, ...(traceState && { traceState }) });
}

/** Sets the random flag of an injected `traceparent` if the trace was received with it. */
export function keepRandomFlag(headers: Record<string, string>, context: Context): void {
  const randomTrace = context.getValue(RANDOM_TRACE_KEY);
  const traceparent = headers[TRACEPARENT];
  if (randomTrace === undefined || traceparent?.slice(3, 35) !== randomTrace) return;
  const flags = Number.parseInt(traceparent.slice(53, 55), 16) | RANDOM_FLAG;
  headers[TRACEPARENT] = `${traceparent.slice(0, 53)}${flags.toString(16).padStart(2, "0")}`;
}

// Section 3.3.1.3. The stock propagator's grammar is that of level 1, which rejects members of newer vendors.
const KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MAX_MEMBERS = 32;

/** Parses a `tracestate` header. One invalid member, or more than 32 members, and the whole header is discarded (section 3.3.1.1). */
export function parseTraceState(header: string): TraceState | undefined {
  const members = new Map<string, string>();
  for (const part of header.split(",")) {
    const member = part.trim();
    if (member === "") continue; // Empty members are allowed.
    const equals = member.indexOf("=");
    const key = member.slice(0, equals);
    const value = member.slice(equals + 1);
    if (equals === -1 || !KEY.test(key) || !VALUE.test(value)) return undefined;
    if (!members.has(key)) members.set(key, value);
    if (members.size > MAX_MEMBERS) return undefined;
  }
  return members.size === 0 ? undefined : traceStateOf(members);
}

/** An immutable list of members, the most recently changed one first. */
function traceStateOf(members: ReadonlyMap<string, string>): TraceState {
  const without = (key: string): [string, string][] => [...members].filter(([name]) => name !== key);
  return {
    get: (key) => members.get(key),
    set: (key, value) =>
      KEY.test(key) && VALUE.test(value) ? traceStateOf(new Map([[key, value], ...without(key)])) : traceStateOf(members),
    unset: (key) => traceStateOf(new Map(without(key))),
    serialize: () =>
      [...members]
        .slice(0, MAX_MEMBERS)
        .map(([key, value]) => `${key}=${value}`)
        .join(","),
  };
}
