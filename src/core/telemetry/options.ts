import type { Attributes, MeterProvider, Span, TextMapPropagator, TracerProvider } from "@opentelemetry/api";
import { KNOWN_METHODS } from "../http/attributes.ts";
import { recordedHeaders } from "../http/recorded-headers.ts";
import type { RecordedHeader } from "../http/recorded-headers.ts";
import { SENSITIVE_QUERY_PARAMETERS, redactMessage, sensitiveQuery } from "../http/redaction.ts";
import { environmentList } from "./environment.ts";
import type { Matcher } from "../propagation/matchers.ts";

/** Header names whose values are recorded as `http.request.header.<name>` and `http.response.header.<name>`. */
export interface HeadersToSpanAttributes {
  requestHeaders?: string[] | undefined;
  responseHeaders?: string[] | undefined;
}

/** What a client or a server can be told of the telemetry that it uses. */
interface TelemetryOptions {
  /** The provider of the tracer. Default: the global one. */
  tracerProvider?: TracerProvider | undefined;
  /** The provider of the meter. Default: the global one. */
  meterProvider?: MeterProvider | undefined;
  /** The propagator. Default: the global one if there is one, else W3C Trace Context and Baggage. */
  propagator?: TextMapPropagator | undefined;
}

/** Options that both ends of a call share. */
interface SharedOptions<Request, Response> extends TelemetryOptions {
  /** True: the request is neither traced nor changed. */
  ignoreRequestHook?: ((request: Request) => boolean) | undefined;
  /** Sees the span when it has started, and may change it. */
  requestHook?: ((span: Span, request: Request) => void) | undefined;
  /** Sees the span when the response's headers have come, and may change it. */
  responseHook?: ((span: Span, exchange: { request: Request; response: Response }) => void) | undefined;
  /**
   * Names of headers to record. Default: none.
   *
   * The values of credential headers are always `REDACTED`: those with `auth`, `token`, `secret`, `key`, `cookie`, `session`, `jwt`, `signature`,
   * `credential`, `password` or the like in their name. That includes names such as `idempotency-key`. In all other headers, URLs lose their user
   * info and the values of sensitive query parameters, and of parameters whose names look like credentials.
   */
  headersToSpanAttributes?: HeadersToSpanAttributes | undefined;
  /** Query keys whose values become `REDACTED`; replaces the default list of semconv `url.full` as a whole. */
  sensitiveQueryParameters?: string[] | undefined;
  /** Methods that are recorded as they are, others are `_OTHER`. Default: `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`, else RFC 9110's, PATCH and QUERY. */
  knownMethods?: string[] | undefined;
  /**
   * How A2A is recognised without its SDK: by URL and headers; also, where these show A2A, by a look at the first characters of a string body, for
   * its JSON-RPC method (clients only); or not at all. Default: `"headers"`.
   */
  a2a?: "headers" | "body" | false | undefined;
}

/** Options that all clients share. `Request` and `Response` are what the client itself knows by these names. */
export interface ClientOptions<Request = unknown, Response = unknown> extends SharedOptions<Request, Response> {
  /** Attributes to start the span with; samplers see them. */
  startSpanHook?: ((request: Request) => Attributes) | undefined;
  /** True: no span without a parent span; the context is propagated all the same. Default: false. */
  requireParentforSpans?: boolean | undefined;
  /** The low-cardinality template of the URL's path, for the span's name and `url.template`; undefined where there is none. */
  urlTemplate?: ((request: Request) => string | undefined) | undefined;
  /** Whether the span covers the response's body or ends with its headers. Default: `"response"`. */
  endSpanOn?: "response" | "headers" | undefined;
  /**
   * Who gets `traceparent` and `tracestate`. Default: everyone; in a browser the page's own origin alone, since a header that another origin
   * does not allow makes the request fail (CORS).
   */
  propagateTo?: Matcher | readonly Matcher[] | undefined;
  /**
   * Hosts that receive `baggage`. Default: the hosts of `propagateTo`, except public model APIs (`modelProviderHosts`) and `modelProviders`.
   *
   * The option replaces this default as a whole. To exclude model APIs in a policy of your own, call `isModelProvider`:
   * `baggageTo: (url) => url.startsWith("https://") && !isModelProvider(url)`.
   */
  baggageTo?: Matcher | readonly Matcher[] | undefined;
  /**
   * Hosts or origins of your own model gateways (`"llm.corp.example"`, `"*.llm.corp.example"`), which receive no baggage by default, like the public
   * model APIs. Without effect if `baggageTo` is given. Default: none.
   */
  modelProviders?: readonly string[] | undefined;
  /** The only baggage members that leave. Default: all. */
  baggageKeys?: readonly string[] | undefined;
}

/** What becomes of a caller's trace. */
export type Incoming = "parent" | "link" | "ignore";

/** Options of the receiving side. */
export interface ServerOptions<Request = unknown, Response = unknown> extends SharedOptions<Request, Response> {
  /**
   * How the caller's trace is continued: as the parent, by a link from a trace of this server's own, or not at all; or a function that says so
   * for each request, of which anything but these words means `"ignore"`. Default: `"parent"`.
   */
  incoming?: Incoming | ((request: Request) => Incoming) | undefined;
  /** Whether the caller's baggage gets in; or only these members of it. Default: true. */
  acceptBaggage?: boolean | readonly string[] | undefined;
  /** True: `client.address` comes from `Forwarded`, then `X-Forwarded-For`, which any client can write. Default: false, the socket's. */
  trustProxy?: boolean | undefined;
}

/** Options of the A2A layer, for both ends of a call. */
export interface A2AOptions {
  /** `"suppress"`: asking for a task's state (`GetTask`) is neither traced nor propagated. Default: `"trace"`. */
  polling?: "trace" | "suppress" | undefined;
  /**
   * What belongs to the conversation and goes into baggage: `gen_ai.conversation.id` and association properties, by name. Whoever the HTTP
   * layer sends baggage to can read it. Default: nothing.
   */
  conversationBaggage?: string[] | undefined;
  /** The provider of the tracer. Default: the global one. */
  tracerProvider?: TracerProvider | undefined;
  /** The propagator that reads what came in where no HTTP instrumentation has. Default: the global one if there is one, else W3C's. */
  propagator?: TextMapPropagator | undefined;
}

type Checked<T> = { readonly [Name in keyof T]-?: (value: unknown) => string | undefined };

const isFunction = (value: unknown): string | undefined => (typeof value === "function" ? undefined : "a function");
const isBoolean = (value: unknown): string | undefined => (typeof value === "boolean" ? undefined : "true or false");
const isStrings = (value: unknown): string | undefined =>
  Array.isArray(value) && value.every((item) => typeof item === "string") ? undefined : "an array of strings";
const isOneOf =
  (...allowed: readonly unknown[]) =>
  (value: unknown): string | undefined =>
    allowed.includes(value) ? undefined : `one of ${allowed.map((item) => JSON.stringify(item)).join(", ")}`;
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
  endSpanOn: isOneOf("response", "headers"),
  propagateTo: isMatchers,
  baggageTo: isMatchers,
  modelProviders: isStrings,
  baggageKeys: isStrings,
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
  tracerProvider: SHARED.tracerProvider,
  propagator: SHARED.propagator,
};

/** The checks of what `setupPropagation` takes. */
export const SETUP_OPTIONS: Checked<{ propagator?: TextMapPropagator | undefined; contextManager?: boolean | undefined }> = {
  propagator: SHARED.propagator,
  contextManager: isBoolean,
};

/**
 * Holds options against their checks, for the function that is named.
 *
 * @throws TypeError that names the option, what was given and what is needed.
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

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (typeof value === "function") return "a function";
  try {
    return redactMessage(JSON.stringify(value) ?? String(value));
  } catch {
    return typeof value;
  }
}

/** Options read once, at set-up, into what a request needs. */
export interface RequestRules {
  readonly knownMethods: ReadonlySet<string>;
  readonly sensitive: RegExp | undefined;
  readonly requestHeaders: readonly RecordedHeader[];
  readonly responseHeaders: readonly RecordedHeader[];
}

/** Reads what both ends share out of checked options. */
export function requestRules(options: SharedOptions<never, never>): RequestRules {
  const { requestHeaders, responseHeaders } = options.headersToSpanAttributes ?? {};
  return {
    knownMethods: new Set(options.knownMethods ?? knownMethodsOfEnvironment() ?? KNOWN_METHODS),
    sensitive: sensitiveQuery(options.sensitiveQueryParameters ?? SENSITIVE_QUERY_PARAMETERS),
    requestHeaders: recordedHeaders("request", requestHeaders),
    responseHeaders: recordedHeaders("response", responseHeaders),
  };
}

function knownMethodsOfEnvironment(): string[] | undefined {
  return environmentList("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS");
}
