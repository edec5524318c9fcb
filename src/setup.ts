import { context, diag, propagation, trace } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { propagationStatus, registered } from "./core/telemetry/propagation-status.ts";
import type { PropagationSetup } from "./core/telemetry/propagation-status.ts";
import { SETUP_OPTIONS, checkOptions } from "./core/telemetry/check-options.ts";
import { propagatorFromEnvironment } from "./core/propagation/propagator.ts";
import { hasContextManager, isNoop } from "./core/telemetry/tracer.ts";

export type { PropagationSetup } from "./core/telemetry/propagation-status.ts";

/** Options of {@link setupPropagation}. */
export interface SetupOptions {
  /** The propagator to register if there is none. Default: what `OTEL_PROPAGATORS` names, else W3C Trace Context and W3C Baggage. */
  propagator?: TextMapPropagator | undefined;
  /** Whether to register an `AsyncLocalStorageContextManager` if there is no context manager. Default: true. */
  contextManager?: boolean | undefined;
}

/**
 * Registers a global propagator and a context manager if there are none. What is registered already is not changed.
 *
 * OpenTelemetry allows one registration of each, so call it after your SDK has started. Without an SDK, the service then forwards the trace that it
 * receives. `OTEL_PROPAGATORS` selects among `tracecontext`, `baggage` and `none`. Calling it again changes nothing.
 *
 * @returns the propagator, context manager and tracer provider that are in effect.
 * @throws TypeError for an invalid option.
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
    diag.info("a2a-otel: a propagator was registered before any SDK; the propagator of an SDK that starts later is ignored");
  }
}

function setContextManager(): void {
  const manager = new AsyncLocalStorageContextManager().enable();
  if (context.setGlobalContextManager(manager)) registered.contextManager = manager;
}
