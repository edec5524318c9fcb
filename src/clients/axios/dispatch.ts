import { context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { AxiosResponse } from "axios";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { CallContext } from "../../core/context/call-context.ts";
import { startAttempt } from "./attempt.ts";
import type { AxiosAttempt, Instrumentation } from "./attempt.ts";
import { findBuild } from "./build.ts";
import { setAdapter } from "./config.ts";
import type { Adapter, AdapterSetting, AxiosRequest } from "./config.ts";
import { observeResult, observeRejection } from "./result.ts";
import { isInstrumentedBelow, suppressesAtStart, suppressesUntilRequest } from "./transport.ts";

/** A failed attempt, and the adapter that its request had. */
interface FailedAttempt {
  readonly adapter: AdapterSetting;
  readonly call: ClientCall;
}

const failedAttempts = new WeakMap<object, FailedAttempt>();

/**
 * Replaces the adapter of a request by one that records an attempt and sends it by the request's own adapter. An adapter receives the final request, always
 * settles, and runs in the caller's context.
 */
export function replaceAdapter(instrumentation: Instrumentation, request: AxiosRequest): void {
  const { adapter } = request;
  const failed = typeof adapter === "function" ? failedAttempts.get(adapter) : undefined;
  const own = failed === undefined ? adapter : failed.adapter;
  try {
    request.adapter = (final) => dispatch(instrumentation, own, final, failed?.call);
  } catch {
    // The application has frozen the request: it is sent untraced, and axios reports what it cannot write.
  }
}

/** Sends a request by its own adapter, as an attempt if it is to be recorded or propagated. */
function dispatch(
  instrumentation: Instrumentation,
  setting: AdapterSetting,
  request: AxiosRequest,
  previous: ClientCall | undefined,
): Promise<AxiosResponse> {
  setAdapter(request, setting);
  const build = (instrumentation.build ??= findBuild(instrumentation.instance, request));
  const adapter =
    typeof setting === "function" ? setting : (build.getAdapter(setting ?? build.defaultAdapter(), request) as Adapter);
  if (!instrumentation.active) return adapter(request);
  const attempt = startAttempt({ instrumentation, build, adapter, request, previous });
  return attempt === undefined ? adapter(request) : sendAttempt(attempt, adapter);
}

function sendAttempt(attempt: AxiosAttempt, adapter: Adapter): Promise<AxiosResponse> {
  const { call, request, transport } = attempt;
  const transportContext = transportContextOf(attempt);
  call.first.suppressing = transportContext !== undefined && suppressesAtStart(transport, request);
  let result: Promise<AxiosResponse>;
  try {
    result = transportContext === undefined ? adapter(request) : context.with(transportContext, adapter, undefined, request);
  } catch (error) {
    observeRejection(attempt, error, markForResend);
    throw error;
  }
  call.first.suppressing &&= suppressesUntilRequest(transport, request);
  return observeResult(attempt, result, markForResend);
}

/**
 * The context that an adapter runs in if other instrumentation may be active below it; otherwise undefined. An adapter of the application's runs in the
 * call's context. One of axios's runs in the active context with the call's switch for suppression, because body streams, listeners and `lookup` keep the
 * context that the request is made in.
 */
function transportContextOf({ call, transport }: AxiosAttempt): Context | undefined {
  if (call.context === call.parent || !isInstrumentedBelow(transport)) return undefined;
  return transport === "custom" ? call.context : new CallContext(context.active(), undefined, call.first);
}

/** Leaves an adapter on the config of a failed attempt by which the next attempt is recognised, if the application sends the config again. */
function markForResend({ call, instrumentation, request }: AxiosAttempt): void {
  if (!call.observed || !instrumentation.active) return;
  const own = request.adapter;
  const adapter: Adapter = (resent) => dispatch(instrumentation, own, resent, call);
  // Applications log the config of an error as JSON, which must show the application's own adapter.
  Object.defineProperty(adapter, "toJSON", { value: () => own });
  failedAttempts.set(adapter, { adapter: own, call });
  request.adapter = adapter;
}
