/** Environment variables as a carrier (OpenTelemetry specification, "Environment Variables as Context Propagation Carriers"). */

import type { Context, TextMapGetter } from "@opentelemetry/api";
import { safeCall } from "../telemetry/diagnostics.ts";
import { BAGGAGE } from "./baggage.ts";
import { writeHeaders } from "./carrier.ts";
import { inject, recordGetter, truncateHeaders } from "./propagator.ts";
import type { Propagation } from "./propagator.ts";
import { TRACEPARENT, TRACESTATE, applyLevel2 } from "./trace-context.ts";

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const VARIABLE_NAME = /^[A-Z_][A-Z0-9_]*$/;

/**
 * The name of the variable that carries a header (section "Environment variable names"): upper case, an underscore for every other character than an ASCII letter,
 * digit or underscore, and before a first digit.
 */
export function variableName(header: string): string {
  const name = header.replace(/[a-z]+/g, (letters) => letters.toUpperCase()).replace(/[^A-Z0-9_]/g, "_");
  return VARIABLE_NAME.test(name) ? name : `_${name}`;
}

/** The variables of the W3C formats, which are removed whatever propagator is in use: the context of this process's parent must not reach its children. */
const W3C_VARIABLES = [TRACEPARENT, TRACESTATE, BAGGAGE].map(variableName);

/** Replaces the propagation variables of an environment by those of a context; removes them if the context has none. */
export function injectVariables(source: Propagation | undefined, context: Context, env: Record<string, string>): void {
  const headers = source === undefined ? {} : inject(source, context);
  const variables = Object.fromEntries(Object.entries(headers).map(([name, value]) => [variableName(name), value]));
  writeHeaders(env, variables, [...W3C_VARIABLES, ...(source?.fields ?? []).map(variableName)]);
}

const getter: TextMapGetter<Environment> = {
  get(env, key) {
    const name = key.toLowerCase();
    const value = env[variableName(key)];
    return value === undefined ? undefined : recordGetter.get(truncateHeaders({ [name]: value }), name);
  },
  keys: (env) => Object.keys(env).filter((name) => VARIABLE_NAME.test(name)),
};

/** Adds the context in an environment to `base`. Values are truncated before they are parsed, like received headers. Never throws. */
export function extractVariables(source: Propagation, env: Environment, base: Context): Context {
  const extracted = safeCall("the propagator's extract()", () => {
    const context = source.propagator.extract(base, env, getter);
    const read = (name: string): object => {
      const value = getter.get(env, name);
      return value === undefined ? {} : { [name]: value };
    };
    return applyLevel2(context, { ...read(TRACEPARENT), ...read(TRACESTATE) });
  });
  return extracted ?? base;
}
