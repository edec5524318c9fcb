import { context, diag, propagation, trace } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { propagationStatus, registered } from "./core/telemetry/propagation-status.ts";
import type { PropagationSetup } from "./core/telemetry/propagation-status.ts";
import { SETUP_OPTIONS, checkOptions } from "./core/telemetry/options.ts";
import { propagatorFromEnvironment } from "./core/propagation/propagator.ts";
import { hasContextManager, isNoop } from "./core/telemetry/tracer.ts";

export type { PropagationSetup } from "./core/telemetry/propagation-status.ts";

/** Options of {@link setupPropagation}. */
export interface SetupOptions {
  /** The propagator to set where none is. Default: what `OTEL_PROPAGATORS` names, else W3C Trace Context and W3C Baggage. */
  propagator?: TextMapPropagator | undefined;
  /** Whether to set an AsyncLocalStorage context manager where none is. Default: true. */
  contextManager?: boolean | undefined;
}

/**
 * Fills OpenTelemetry's global places for a propagator and a context manager where nothing is, and leaves alone what is there.
 *
 * OpenTelemetry lets each place be taken once, so call it after your SDK has started; where no SDK is, it makes a service pass on the trace
 * that it receives. `OTEL_PROPAGATORS` (`tracecontext`, `baggage`, `none`) is respected. Calling it again changes nothing.
 *
 * @returns what is in effect.
 * @throws TypeError for a bad option.
 *
 * @example
 * sdk.start();
 * setupPropagation();
 */
export function setupPropagation(options: SetupOptions = {}): PropagationSetup {
  checkOptions("setupPropagation", options, SETUP_OPTIONS);
  if (propagation.fields().length === 0) setPropagator(options.propagator ?? propagatorFromEnvironment());
  if (options.contextManager !== false && !hasContextManager()) setContextManager();
  return propagationStatus();
}

function setPropagator(propagator: TextMapPropagator | undefined): void {
  if (propagator === undefined || !propagation.setGlobalPropagator(propagator)) return;
  registered.propagator = true;
  if (isNoop(trace.getTracerProvider())) {
    diag.info("a2a-otel: a propagator was set before any SDK; an SDK that brings another would come too late for it");
  }
}

function setContextManager(): void {
  const manager = new AsyncLocalStorageContextManager().enable();
  if (context.setGlobalContextManager(manager)) registered.contextManager = manager;
}
