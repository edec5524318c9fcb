import { ROOT_CONTEXT, context, diag, propagation, trace } from "@opentelemetry/api";
import type { ContextManager, TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { w3cBaggagePropagator } from "./core/baggage.ts";
import { SETUP_OPTIONS, checkOptions } from "./core/options.ts";
import { propagatorNames, w3cPropagator } from "./core/propagator.ts";
import { hasContextManager, isNoop } from "./core/telemetry.ts";

/** Options of {@link setupPropagation}. */
export interface SetupOptions {
  /** The propagator to set where none is. Default: what `OTEL_PROPAGATORS` names, else W3C Trace Context and W3C Baggage. */
  propagator?: TextMapPropagator;
  /** Whether to set an AsyncLocalStorage context manager where none is. Default: true. */
  contextManager?: boolean;
}

/** What is in effect after {@link setupPropagation}. */
export interface PropagationSetup {
  /** The names of the headers that the global propagator writes. */
  fields: string[];
  propagator: "ours" | "other" | "none";
  contextManager: "ours" | "other" | "none";
  tracerProvider: "other" | "none";
}

let ownPropagator = false;
let ownContextManager: ContextManager | undefined;

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
  if (propagation.fields().length === 0) setPropagator(options.propagator ?? propagatorOfEnvironment());
  if (options.contextManager !== false && !hasContextManager()) setContextManager();
  return propagationInEffect();
}

function setPropagator(propagator: TextMapPropagator | undefined): void {
  if (propagator === undefined || !propagation.setGlobalPropagator(propagator)) return;
  ownPropagator = true;
  if (isNoop(trace.getTracerProvider())) {
    diag.info("a2a-otel: a propagator was set before any SDK; an SDK that brings another would come too late for it");
  }
}

function setContextManager(): void {
  const manager = new AsyncLocalStorageContextManager().enable();
  if (context.setGlobalContextManager(manager)) ownContextManager = manager;
}

/** What `OTEL_PROPAGATORS` asks for; undefined for `none`. */
function propagatorOfEnvironment(): TextMapPropagator | undefined {
  const names = propagatorNames();
  if (names === undefined) return w3cPropagator();
  if (names.includes("none")) return undefined;
  const propagators: TextMapPropagator[] = [];
  for (const name of new Set(names)) {
    if (name === "tracecontext") propagators.push(new W3CTraceContextPropagator());
    else if (name === "baggage") propagators.push(w3cBaggagePropagator());
    else diag.warn(`a2a-otel: OTEL_PROPAGATORS names "${name}", which is not brought along (tracecontext, baggage, none): skipped`);
  }
  return propagators.length === 0 ? undefined : new CompositePropagator({ propagators });
}

/** What {@link setupPropagation} would return, without setting anything: what is in effect at this moment. */
export function propagationInEffect(): PropagationSetup {
  const fields = propagation.fields();
  return {
    fields,
    propagator: fields.length === 0 ? "none" : ownPropagator ? "ours" : "other",
    contextManager: hasContextManager() ? (isOwnContextManager() ? "ours" : "other") : "none",
    tracerProvider: isNoop(trace.getTracerProvider()) ? "none" : "other",
  };
}

function isOwnContextManager(): boolean {
  const probe = ROOT_CONTEXT.setValue(Symbol("probe"), true);
  return ownContextManager?.with(probe, () => context.active() === probe) === true;
}
