import type { TextMapPropagator } from "@opentelemetry/api";
import { redactMessage } from "../http/redaction.ts";
import type { A2AOptions, ClientOptions, McpOptions, ServerOptions, SharedOptions } from "./options.ts";

/** A check for each option: it returns what the value must be, or undefined. */
export type Checked<T> = { readonly [Name in keyof T]-?: (value: unknown) => string | undefined };

const isFunction = (value: unknown): string | undefined => (typeof value === "function" ? undefined : "a function");
const isBoolean = (value: unknown): string | undefined => (typeof value === "boolean" ? undefined : "true or false");
const isStrings = (value: unknown): string | undefined =>
  Array.isArray(value) && value.every((item) => typeof item === "string") ? undefined : "an array of strings";
const isOneOf =
  (...allowed: readonly unknown[]) =>
  (value: unknown): string | undefined =>
    allowed.includes(value) ? undefined : `one of ${allowed.map((item) => JSON.stringify(item)).join(", ")}`;
const isListOf =
  (...allowed: readonly unknown[]) =>
  (value: unknown): string | undefined =>
    Array.isArray(value) && value.every((item) => allowed.includes(item))
      ? undefined
      : `an array of ${allowed.map((item) => JSON.stringify(item)).join(", ")}`;
const isMatchers = (value: unknown): string | undefined => {
  const isOne = (item: unknown): boolean => typeof item === "string" || typeof item === "function" || item instanceof RegExp;
  return isOne(value) || (Array.isArray(value) && value.every(isOne))
    ? undefined
    : "a host, an origin, a RegExp, a function, or an array of these";
};
const either =
  (...checks: readonly ((value: unknown) => string | undefined)[]) =>
  (value: unknown): string | undefined => {
    const needed = checks.map((check) => check(value));
    return needed.includes(undefined) ? undefined : needed.join(", or ");
  };
const hasMethods =
  (what: string, ...methods: readonly string[]) =>
  (value: unknown): string | undefined =>
    typeof value === "object" && value !== null && methods.every((name) => typeof Reflect.get(value, name) === "function")
      ? undefined
      : what;
const isHeaderNames = (value: unknown): string | undefined =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(value).every(
    ([key, names]) => /^(?:request|response)Headers$/.test(key) && (names === undefined || !isStrings(names)),
  )
    ? undefined
    : "{ requestHeaders?: string[], responseHeaders?: string[] }";

const SHARED: Checked<SharedOptions<unknown, unknown>> = {
  ignoreRequestHook: isFunction,
  requestHook: isFunction,
  responseHook: isFunction,
  headersToSpanAttributes: isHeaderNames,
  sensitiveQueryParameters: isStrings,
  knownMethods: isStrings,
  a2a: isOneOf("headers", "body", false),
  endSpanOn: either(isOneOf("response", "headers"), isFunction),
  tracerProvider: hasMethods("a TracerProvider", "getTracer"),
  meterProvider: hasMethods("a MeterProvider", "getMeter"),
  propagator: hasMethods("a TextMapPropagator", "inject", "extract", "fields"),
};

/** The checks of {@link ClientOptions}. */
export const CLIENT_OPTIONS: Checked<ClientOptions> = {
  ...SHARED,
  startSpanHook: isFunction,
  requireParentforSpans: isBoolean,
  urlTemplate: isFunction,
  metricAttributes: isListOf("url.scheme", "url.template"),
  propagateTo: isMatchers,
  baggageTo: isMatchers,
  modelProviders: isStrings,
  telemetrySinks: either(isOneOf(false), isMatchers),
  baggageKeys: isStrings,
};

/** The checks of the options of `instrumentNode()`. */
export const NODE_OPTIONS: Checked<ClientOptions & { clients?: readonly string[] }> = {
  ...CLIENT_OPTIONS,
  clients: isListOf("undici", "http"),
};

/** The checks of {@link ServerOptions}. */
export const SERVER_OPTIONS: Checked<ServerOptions> = {
  ...SHARED,
  incoming: either(isOneOf("parent", "link", "ignore"), isFunction),
  acceptBaggage: either(isBoolean, isStrings),
  trustProxy: isBoolean,
};

/** The checks of {@link A2AOptions}. */
export const A2A_OPTIONS: Checked<A2AOptions> = {
  polling: isOneOf("trace", "suppress"),
  conversationBaggage: isStrings,
  propagateTo: isMatchers,
  baggageTo: isMatchers,
  baggageKeys: isStrings,
  tracerProvider: SHARED.tracerProvider,
  propagator: SHARED.propagator,
};

/** The checks of {@link McpOptions}. */
export const MCP_OPTIONS: Checked<McpOptions> = {
  tracerProvider: SHARED.tracerProvider,
  meterProvider: SHARED.meterProvider,
  propagator: SHARED.propagator,
  propagateTo: isMatchers,
  baggageTo: isMatchers,
  modelProviders: isStrings,
  baggageKeys: isStrings,
  incoming: isOneOf("parent", "link", "ignore"),
  acceptBaggage: either(isBoolean, isStrings),
  executeToolSpan: isOneOf("enrich", "nest"),
  recordToolArguments: isBoolean,
  recordToolResults: isBoolean,
  recordPromptVariables: isBoolean,
};

/** The checks of what `setupPropagation` takes. */
export const SETUP_OPTIONS: Checked<{ propagator?: TextMapPropagator | undefined; contextManager?: boolean | undefined }> = {
  propagator: SHARED.propagator,
  contextManager: isBoolean,
};

/**
 * Validates options.
 *
 * @param caller the public function whose options these are, for error messages.
 * @throws TypeError that names the option, the given value and the expected type.
 */
export function checkOptions(caller: string, options: unknown, checks: Checked<object>): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${caller}: options must be an object, not ${describe(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const check = (checks as Record<string, ((value: unknown) => string | undefined) | undefined>)[name];
    if (check === undefined || !Object.hasOwn(checks, name)) {
      throw new TypeError(`${caller}: there is no option "${name}"; the options are ${Object.keys(checks).join(", ")}`);
    }
    const needed = check(value);
    if (needed !== undefined) throw new TypeError(`${caller}: option "${name}" must be ${needed}, not ${describe(value)}`);
  }
}

/** Whether any option is set. */
export function hasOptions(options: object): boolean {
  return Object.values(options).some((value) => value !== undefined);
}

/**
 * Whether two sets of options, or two values of an option, are the same. Arrays, plain objects and regular expressions are compared by their content;
 * functions and instances of classes (a tracer provider, a propagator) only by identity, because their state can be private.
 */
export function areEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof RegExp && b instanceof RegExp) return a.source === b.source && a.flags === b.flags;
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => areEqual(Reflect.get(a, name), Reflect.get(b, name)));
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype of plain objects is that of their realm, and the only one without a prototype of its own.
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Formats a value for an error message. */
export function describe(value: unknown): string {
  if (typeof value === "function") return "a function";
  try {
    return redactMessage(JSON.stringify(value) ?? String(value));
  } catch {
    return typeof value;
  }
}
