import { context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { AxiosResponse } from "axios";
import { CallContext } from "../../core/context/call-context.ts";
import { sharedSymbol } from "../../core/telemetry/shared-state.ts";
import { buildOf, startAxiosCall } from "./attempt.ts";
import type { AxiosAttempt, Instrumentation, Route } from "./attempt.ts";
import { setAdapter } from "./config.ts";
import type { Adapter, AxiosRequest } from "./config.ts";
import { observeRejection, observeAdapterResult } from "./result.ts";
import { isInstrumentedBelow, suppressesAtStart, suppressesUntilRequest } from "./transport.ts";

const ROUTE: unique symbol = sharedSymbol("axios-route") as never;

interface RoutedAdapter extends Adapter {
  [ROUTE]?: Route;
}

/**
 * Replaces the adapter of a request by one that records an attempt and sends it by the request's own adapter. An adapter receives the final request, always
 * settles, and runs in the caller's context.
 */
export function replaceAdapter(instrumentation: Instrumentation, request: AxiosRequest): void {
  const { adapter } = request;
  const existing = typeof adapter === "function" ? (adapter as RoutedAdapter)[ROUTE] : undefined;
  const route: Route = {
    setting: existing === undefined ? adapter : existing.setting,
    inner: existing === undefined || existing.isMarker ? undefined : (adapter as Adapter),
    previous: existing?.previous,
    isMarker: false,
  };
  // The inner instrumentation recognises the outer one's attempt.
  if (route.inner !== undefined) (existing as Route).previous = undefined;
  const routed: RoutedAdapter = (final) => dispatch(instrumentation, route, final);
  routed[ROUTE] = route;
  try {
    request.adapter = routed;
  } catch {
    // The application has frozen the request: it is sent untraced, and axios reports what it cannot write.
  }
}

/** Sends a request by its own adapter, as an attempt if it is to be recorded or propagated. */
function dispatch(instrumentation: Instrumentation, route: Route, request: AxiosRequest): Promise<AxiosResponse> {
  const { setting, inner } = route;
  setAdapter(request, setting);
  const build = buildOf(instrumentation, request);
  const adapter =
    typeof setting === "function" ? setting : (build.getAdapter(setting ?? build.defaultAdapter(), request) as Adapter);
  const next = inner ?? adapter;
  if (!instrumentation.active) return next(request);
  const attempt = startAxiosCall(instrumentation, route, adapter, request);
  return attempt === undefined ? next(request) : sendThroughAdapter(attempt, next);
}

function sendThroughAdapter(attempt: AxiosAttempt, adapter: Adapter): Promise<AxiosResponse> {
  const { call, request, transport } = attempt;
  // An inner call runs in the context of the outer one.
  const transportContext = call.isInner ? undefined : transportContextOf(attempt);
  if (transportContext !== undefined) call.first.suppressing = suppressesAtStart(transport, request);
  let result: Promise<AxiosResponse>;
  try {
    result = transportContext === undefined ? adapter(request) : context.with(transportContext, adapter, undefined, request);
  } catch (error) {
    observeRejection(attempt, error, markForResend);
    throw error;
  }
  if (transportContext !== undefined) call.first.suppressing &&= suppressesUntilRequest(transport, request);
  return observeAdapterResult(attempt, result, markForResend);
}

/**
 * The context that an adapter runs in if the requests of the call must be recognised, or other instrumentation may be active below; otherwise undefined. An
 * adapter of the application's runs in the call's context. One of axios's runs in the active context with the call's switch for suppression, because
 * body streams, listeners and `lookup` keep the context that the request is made in.
 */
function transportContextOf({ call, hasInner, transport }: AxiosAttempt): Context | undefined {
  if (!hasInner && !call.needsContext && !isInstrumentedBelow(transport)) return undefined;
  return transport === "custom" ? call.context : new CallContext(context.active(), undefined, call.first);
}

/** Leaves an adapter on the config of a failed attempt by which the next attempt is recognised, if the application sends the config again. */
function markForResend({ call, instrumentation, request }: AxiosAttempt): void {
  if (!call.observed || !instrumentation.active) return;
  const { adapter } = request;
  const route: Route = { setting: adapter, inner: undefined, previous: call, isMarker: true };
  const marker: RoutedAdapter = (resent) => dispatch(instrumentation, route, resent);
  marker[ROUTE] = route;
  // Applications log the config of an error as JSON, which must show the application's own adapter.
  Object.defineProperty(marker, "toJSON", { value: () => adapter });
  request.adapter = marker;
}
