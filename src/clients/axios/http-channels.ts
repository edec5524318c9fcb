import { subscribe } from "node:diagnostics_channel";
import { context } from "@opentelemetry/api";
import { findByTraceparent } from "../../core/calls/active-calls.ts";
import { ClientCall } from "../../core/calls/client-call.ts";
import { CallContext, enclosingCall } from "../../core/context/call-context.ts";
import { TRACEPARENT } from "../../core/propagation/trace-context.ts";
import { now } from "../../core/telemetry/meter.ts";

let isSubscribed = false;

/** Subscribes to the channels of `node:http`, once. */
export function subscribeToHttpChannels(): void {
  if (isSubscribed) return;
  isSubscribed = true;
  subscribe("http.client.request.created", onRequestCreated);
  subscribe("http.client.response.finish", onResponseHeaders as (message: unknown) => void);
}

/** Other instrumentation has handled the request; the code that runs next may be the application's. */
function onRequestCreated(): void {
  const active = context.active();
  if (active instanceof CallContext && active.call.suppressing) active.call.suppressing = false;
}

function onResponseHeaders({ request, response }: HttpExchange): void {
  const call = findByTraceparent(String(request.getHeader(TRACEPARENT))) ?? enclosingCall(context.active());
  if (call instanceof ClientCall) recordHeadersTime(call, response.statusCode);
}

interface HttpExchange {
  readonly request: { getHeader(name: string): unknown };
  readonly response: { readonly statusCode: number };
}

const headersTimes = new WeakMap<ClientCall, number | undefined>();

/** Records when the headers of the call's response arrive, for spans that end with the headers. */
export function trackHeadersTime(call: ClientCall): void {
  headersTimes.set(call, undefined);
}

/** When the headers of the call's response arrived, in milliseconds of `performance.now()`; undefined if that is not tracked or not known. */
export function headersTimeOf(call: ClientCall): number | undefined {
  return headersTimes.get(call);
}

/** Headers of a response arrived. Those of the last response count; the others were redirects. */
export function recordHeadersTime(call: ClientCall, status: number): void {
  if (status >= 200 && headersTimes.has(call)) headersTimes.set(call, now());
}
