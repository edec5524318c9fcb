import { context as contextApi } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { extractVariables, injectVariables } from "./core/propagation/environment-carrier.ts";
import type { Environment } from "./core/propagation/environment-carrier.ts";
import { propagationSource } from "./core/propagation/propagator.ts";
import { safeCall } from "./core/telemetry/diagnostics.ts";

const source = propagationSource(undefined);

/**
 * Creates the environment of a child process: a copy of `env` with `TRACEPARENT`, `TRACESTATE` and `BAGGAGE` of a context, as OpenTelemetry specifies for
 * environment variables. Variables of these names that `env` already has are removed, also if the context has nothing to propagate. Never throws.
 *
 * The global propagator is used; if there is none, what `OTEL_PROPAGATORS` names, else W3C Trace Context and W3C Baggage. No propagation policy applies:
 * the child receives all baggage of the context.
 *
 * @param env is not changed. Default: `process.env`; empty on platforms without `process`.
 * @param context default: the active context.
 *
 * @example
 * spawn("agent", ["--task", task], { env: injectEnvironment() });
 */
export function injectEnvironment(env?: Environment, context: Context = contextApi.active()): Record<string, string> {
  const copy = safeCall("reading the environment", copyOf, env ?? processEnvironment()) ?? {};
  safeCall("writing trace context", () => injectVariables(source(), context, copy));
  return copy;
}

/**
 * Reads the trace context and the baggage that the environment of a process carries. Invalid values are ignored. Values are truncated before they are
 * parsed, to 8192 characters each. Never throws.
 *
 * @param env default: `process.env`; empty on platforms without `process`.
 * @param context the context to which they are added. Default: the active context.
 * @returns the extended context.
 *
 * @example
 * await context.with(extractEnvironment(), main);
 */
export function extractEnvironment(env?: Environment, context: Context = contextApi.active()): Context {
  const current = source();
  return current === undefined ? context : extractVariables(current, env ?? processEnvironment(), context);
}

function processEnvironment(): Environment {
  return globalThis.process?.env ?? {};
}

function copyOf(env: Environment): Record<string, string> {
  const copy: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) copy[name] = value;
  return copy;
}
