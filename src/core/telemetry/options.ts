import type { Attributes, MeterProvider, Span, TextMapPropagator, TracerProvider } from "@opentelemetry/api";
import type { Matcher } from "../propagation/matchers.ts";

/** Header names whose values are recorded as `http.request.header.<name>` and `http.response.header.<name>`. */
export interface HeadersToSpanAttributes {
  requestHeaders?: string[] | undefined;
  responseHeaders?: string[] | undefined;
}

/** The parts of OpenTelemetry that a client or a server uses. */
interface TelemetryOptions {
  /** Provides the tracer. Default: the global provider. */
  tracerProvider?: TracerProvider | undefined;
  /** Provides the meter. Default: the global provider. */
  meterProvider?: MeterProvider | undefined;
  /**
   * Reads and writes the propagation headers. Default: the global propagator; if there is none, what `OTEL_PROPAGATORS` names, else W3C Trace Context and
   * W3C Baggage.
   */
  propagator?: TextMapPropagator | undefined;
}

/** When a span ends: with the whole response, or with its headers. */
export type SpanEnd = "response" | "headers";

/** Options that both ends of a call share. */
export interface SharedOptions<Request, Response> extends TelemetryOptions {
  /** Decides whether a request is ignored. If the result is `true`, the request is neither traced nor changed. */
  ignoreRequestHook?: ((request: Request) => boolean) | undefined;
  /** Called when the span has started. It may change the span. */
  requestHook?: ((span: Span, request: Request) => void) | undefined;
  /** Called when the headers of the response are known. It may change the span. */
  responseHook?: ((span: Span, exchange: { request: Request; response: Response }) => void) | undefined;
  /**
   * Names of headers to record. Default: none.
   *
   * The values of credential headers are always `REDACTED`: those with `auth`, `token`, `secret`, `key`, `cookie`, `session`, `jwt`, `signature`,
   * `credential`, `password` or the like in their name. That includes names such as `idempotency-key`. In all other headers, URLs lose their user
   * info and the values of sensitive query parameters, and of parameters whose names look like credentials.
   */
  headersToSpanAttributes?: HeadersToSpanAttributes | undefined;
  /** Names of query parameters whose values are redacted, case-sensitive. Default: the list of the semantic conventions for `url.full`, which it replaces. */
  sensitiveQueryParameters?: string[] | undefined;
  /**
   * Methods that are recorded by name; all others are recorded as `_OTHER`. Default: `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`, else the methods of
   * RFC 9110, PATCH and QUERY.
   */
  knownMethods?: string[] | undefined;
  /**
   * How A2A requests are recognised without the A2A SDK. `"headers"`: by URL and headers. `"body"`: if the headers are those of A2A, also by the JSON-RPC
   * method in the first 4096 characters of a string body (clients only). `false`: not at all.
   *
   * Default: on servers `"headers"`; on clients, requests are recognised by URL and headers for the span's name and `url.template`, but `a2a.method.name`
   * is recorded only if the option is set. It is never recorded below a span of `wrapA2AClient`, which records it.
   */
  a2a?: "headers" | "body" | false | undefined;
  /**
   * When the span ends. `"response"`: with the last byte of the response body. `"headers"`: when the headers of the response have arrived or, on a server, were
   * sent. A function is called once for each response, when its headers are known, and returns one of these; if it throws or returns anything else, the
   * span ends with the response. Default: `"response"`.
   */
  endSpanOn?: SpanEnd | ((exchange: { request: Request; response: Response }) => SpanEnd) | undefined;
}

/** Options that all clients share. `Request` and `Response` are the types of the client that hooks receive. */
export interface ClientOptions<Request = unknown, Response = unknown> extends SharedOptions<Request, Response> {
  /** Returns attributes that the span starts with, so that samplers see them. */
  startSpanHook?: ((request: Request) => Attributes) | undefined;
  /** Whether a request without a parent span gets no span. Its context is propagated in any case. Default: false. */
  requireParentforSpans?: boolean | undefined;
  /** Returns the low-cardinality template of the URL's path, for the span's name and `url.template`; undefined if there is none. */
  urlTemplate?: ((request: Request) => string | undefined) | undefined;
  /** Opt-in attributes that are added to `http.client.request.duration`. Default: none. */
  metricAttributes?: readonly ("url.scheme" | "url.template")[] | undefined;
  /**
   * Hosts that receive `traceparent` and `tracestate`. Default: all hosts; in a browser only the page's own origin, because a header that another origin
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
  /**
   * More hosts to which exporters send telemetry, in addition to `telemetrySinks` and the OTLP endpoints in the environment. A request to a sink gets no span
   * and no header. `false`: requests to all hosts are traced. Default: none more.
   */
  telemetrySinks?: false | Matcher | readonly Matcher[] | undefined;
  /** Names of the baggage members that are sent. Default: all members. */
  baggageKeys?: readonly string[] | undefined;
}

/** How a caller's trace is continued: as the parent of the SERVER span, by a link from a new trace, or not at all. */
export type Incoming = "parent" | "link" | "ignore";

/** Options that all servers share. `Request` and `Response` are the types of the framework that hooks receive. */
export interface ServerOptions<Request = unknown, Response = unknown> extends SharedOptions<Request, Response> {
  /**
   * How the caller's trace is continued: `"parent"`, `"link"` (a new trace whose SERVER span links to the caller's span), or `"ignore"`; or a function
   * that returns one of these for each request, where any other result counts as `"ignore"`. Default: `"parent"`.
   */
  incoming?: Incoming | ((request: Request) => Incoming) | undefined;
  /** Whether the caller's baggage is accepted, or the names of the members that are. Default: true. */
  acceptBaggage?: boolean | readonly string[] | undefined;
  /**
   * Whether `client.address`, `server.address`, `server.port` and `url.scheme` are taken from `Forwarded`, else from `X-Forwarded-For`, `X-Forwarded-Host`
   * and `X-Forwarded-Proto`. Any client can send these headers: set it only behind a proxy of your own. Default: false; they are those of the socket and
   * of the `Host` header.
   */
  trustProxy?: boolean | undefined;
}

/** Options of the A2A layer, for clients and request handlers. */
export interface A2AOptions {
  /** Whether requests for the state of a task (`GetTask`) are traced and propagated. Default: `"trace"`. */
  polling?: "trace" | "suppress" | undefined;
  /**
   * Names of conversation attributes that are put into baggage: `gen_ai.conversation.id` and association properties. Every host that receives baggage
   * can read them. Default: none.
   */
  conversationBaggage?: string[] | undefined;
  /**
   * Hosts that receive trace context over gRPC; the policy of an HTTP client is that of its instrumentation. The URL is that of the agent's interface,
   * with the scheme `grpc` if it has none. Without effect on request handlers. Default: all hosts.
   */
  propagateTo?: Matcher | readonly Matcher[] | undefined;
  /** Hosts that receive `baggage` over gRPC, as for HTTP clients. Default: the hosts of `propagateTo`. */
  baggageTo?: Matcher | readonly Matcher[] | undefined;
  /** Names of the baggage members that are sent over gRPC. Default: all members. */
  baggageKeys?: readonly string[] | undefined;
  /** Provides the tracer. Default: the global provider. */
  tracerProvider?: TracerProvider | undefined;
  /**
   * Extracts the context of a received request if no other instrumentation has, and injects it into calls over gRPC. Default: as for clients and servers.
   */
  propagator?: TextMapPropagator | undefined;
}

/** Options of the MCP layer, for clients and servers. */
export interface McpOptions
  extends TelemetryOptions, Pick<ClientOptions, "propagateTo" | "baggageTo" | "modelProviders" | "baggageKeys"> {
  /**
   * How the trace in the `_meta` of a received message is continued: `"parent"`, `"link"` (the SERVER span's parent is the active context, and it links
   * to the sender's span), or `"ignore"`. Default: `"parent"`.
   */
  incoming?: Incoming | undefined;
  /** Whether the baggage in the `_meta` of a received message is accepted, or the names of the members that are. Default: true. */
  acceptBaggage?: boolean | readonly string[] | undefined;
  /**
   * What happens to a tool call if an `execute_tool` span of a GenAI instrumentation is active: `"enrich"` adds the MCP attributes to that span,
   * `"nest"` starts a CLIENT span below it. Default: `"enrich"`.
   */
  executeToolSpan?: "enrich" | "nest" | undefined;
  /** Whether the arguments of tool calls are recorded as `gen_ai.tool.call.arguments`. They may be sensitive. Default: false. */
  recordToolArguments?: boolean | undefined;
  /** Whether the results of tool calls are recorded as `gen_ai.tool.call.result`. They may be sensitive. Default: false. */
  recordToolResults?: boolean | undefined;
  /** Whether the arguments of prompts are recorded as `gen_ai.prompt.variable.<name>`. They may be sensitive. Default: false. */
  recordPromptVariables?: boolean | undefined;
}
