import type { AgentCard } from "@a2a-js/sdk";
import type { A2ARequestHandler, ServerCallContext } from "@a2a-js/sdk/server";
import { SpanKind, context, isSpanContextValid, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { nameByA2AMethod } from "../core/calls/server-call.ts";
import { recogniseA2A } from "../core/http/a2a-recognition.ts";
import {
  CLIENT_ADDRESS,
  CLIENT_PORT,
  HTTP_REQUEST_METHOD,
  SERVER_ADDRESS,
  SERVER_PORT,
  URL_PATH,
} from "../core/http/attributes.ts";
import { originOf } from "../core/http/urls.ts";
import { unmarkA2AClient } from "../core/context/a2a-client-span.ts";
import { isSuppressed } from "../core/context/call-context.ts";
import { connectionOf, rememberConnections } from "../core/node/received-connections.ts";
import { readHeader, readHeaders } from "../core/propagation/carrier.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { A2A_OPTIONS, checkOptions } from "../core/telemetry/check-options.ts";
import type { A2AOptions } from "../core/telemetry/options.ts";
import { extract, propagationSource } from "../core/propagation/propagator.ts";
import { hasEnded, openServerSpan } from "../core/context/open-server-span.ts";
import type { OpenServerSpan } from "../core/context/open-server-span.ts";
import { WITHOUT_SCHEMA, checkContextManager, tracerSource } from "../core/telemetry/tracer.ts";
import { wrapMethods } from "../core/telemetry/wrap-methods.ts";
import type { MethodWrapper } from "../core/telemetry/wrap-methods.ts";
import { isWrapped, markWrapped } from "../core/telemetry/wrapped.ts";
import { agentAttributes, conversationId, requestAttributes } from "./attributes.ts";
import { withConversation } from "./conversation.ts";
import { handlerFailure } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { followCall, followStream } from "./follow.ts";
import { COMMON_METHODS } from "./methods.ts";
import { Operation } from "./operation.ts";

/** The methods of the SDK's request handler, with their names in A2A. */
const METHODS = {
  ...COMMON_METHODS,
  getAuthenticatedExtendedAgentCard: "GetExtendedAgentCard",
  listTaskPushNotificationConfigs: "ListTaskPushNotificationConfigs",
  resubscribe: "SubscribeToTask",
} satisfies Partial<Record<keyof A2ARequestHandler, string>>;

const STREAMING = new Set(["sendMessageStream", "resubscribe"]);

// The SERVER spans that were already named, with the call that they were named for. A handler that is called inside another call gets its own span.
// The key is the span or, where there is one, the metadata of its request.
const claimedSpans = new WeakMap<object, unknown>();

/**
 * Wraps a request handler of @a2a-js/sdk: the HTTP SERVER span is named by the A2A method, and records task, conversation and agent. If no
 * SERVER span is open, one is started, in the trace that the request's headers continue.
 *
 * The executor runs in the span's context, also after the response. A handler that is wrapped already is returned as it is, without options or with
 * the same ones.
 *
 * @throws TypeError for an invalid option, if `handler` is not a request handler, or if it is wrapped already with other options.
 *
 * @example
 * const requestHandler = wrapRequestHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor));
 * app.use("/a2a", jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
 */
export function wrapRequestHandler<H extends Pick<A2ARequestHandler, "sendMessage">>(handler: H, options: A2AOptions = {}): H {
  checkOptions("wrapRequestHandler", options, A2A_OPTIONS);
  if (typeof (handler as Partial<H> | null | undefined)?.sendMessage !== "function") {
    throw new TypeError("wrapRequestHandler: handler must be a request handler of @a2a-js/sdk");
  }
  if (isWrapped("wrapRequestHandler", handler, options)) return handler;
  rememberConnections();
  const getTracer = tracerSource(options.tracerProvider, WITHOUT_SCHEMA);
  const propagation = propagationSource(options.propagator);
  const { polling = "trace", conversationBaggage = [] } = options;
  let observedCard: AgentCard | undefined;

  /** The active context, or the context that the request's headers carry if no span is active. */
  function parentContext(active: Context, call: ServerCallContext | undefined): Context {
    const spanContext = trace.getSpanContext(active);
    if (spanContext !== undefined && isSpanContextValid(spanContext)) return active;
    const source = propagation();
    const carried = source && readHeaders(requestHeaders(call), source.fields);
    return source && carried ? extract(source, carried, active) : active;
  }

  function startOperation(method: string, active: Context, args: readonly unknown[]): Operation | undefined {
    const [request, call] = args as [unknown, ServerCallContext | undefined];
    const open = findOpenSpan(active, call);
    if (open === "claimed") return undefined;
    const isSuppressedPoll = method === "GetTask" && polling === "suppress";
    const parent = open === undefined ? parentContext(active, call) : active;
    const base = isSuppressedPoll
      ? suppressTracing(parent)
      : withConversation(parent, conversationBaggage, conversationId(request));
    const attributes = (): Attributes => {
      const card = (handler as { agentCard?: AgentCard }).agentCard ?? observedCard;
      return { ...requestAttributes(method, request, call?.tenant, call?.requestedVersion), ...agentAttributes(card) };
    };
    if (open !== undefined) {
      const { span, metadata } = open;
      claimedSpans.set(metadata ?? span, call);
      if (span.isRecording()) safeCall("a span", () => span.setAttributes(attributes()));
      // gRPC has named its span by the method, and records its own status.
      if (isGrpcSpan(span)) return new Operation(base, { span });
      nameByA2AMethod(open, method);
      // The REST binding responds to errors with a status, which decides about the HTTP span: a 4xx is not an error of the server. Once a
      // stream has begun, its status cannot change.
      const isRest = isRestRequest(open, method);
      const classifyError = (error: unknown, { hasResult }: Operation): Failure | undefined =>
        isRest && !hasResult ? undefined : handlerFailure(error);
      return new Operation(base, { span, classifyError, metadata });
    }
    const tracer = isSuppressedPoll ? undefined : getTracer();
    const span =
      tracer &&
      safeCall("the tracer", () => {
        const startAttributes = { ...attributes(), ...addressAttributes(call) };
        return tracer.startSpan(method, { kind: SpanKind.SERVER, attributes: startAttributes }, base);
      });
    if (span === undefined) return new Operation(base);
    claimedSpans.set(span, call);
    return new Operation(trace.setSpan(base, span), { span, endsSpan: true, classifyError: handlerFailure });
  }

  const wrappers = new Map<PropertyKey, MethodWrapper>();
  for (const [key, method] of Object.entries(METHODS)) {
    wrappers.set(key, (call, args) => {
      checkContextManager();
      const active = unmarkA2AClient(context.active());
      if (isSuppressed(active)) return call();
      if (STREAMING.has(key)) return followStream(call(), () => startOperation(method, active, args));
      const operation = safeCall("starting an A2A call", startOperation, method, active, args);
      return operation === undefined ? call() : followCall(operation, call);
    });
  }
  // The SDK's transports request the card before each call. A handler with a private card is read there.
  wrappers.set("getAgentCard", (call) => {
    const result = call();
    if (!(result instanceof Promise) || "agentCard" in handler) return result;
    return result.then((card: AgentCard) => (observedCard = card));
  });
  const proxy = wrapMethods(handler, wrappers);
  markWrapped(proxy, options);
  return proxy;
}

/**
 * The SERVER span that is open for this call; undefined if there is none, if it has ended, or if it belongs to another call; `"claimed"` if an
 * outer wrapper has named it for this call.
 */
function findOpenSpan(active: Context, call: unknown): OpenServerSpan | "claimed" | undefined {
  const open = openServerSpan(active);
  if (open === undefined || hasEnded(open.span)) return undefined;
  // Without a tracer, HTTP instrumentation of this package records metrics alone: then its metadata has the attributes, but no span.
  if (!isSpanContextValid(open.span.spanContext()) && open.metadata?.attributes === undefined) return undefined;
  const key = open.metadata ?? open.span;
  if (!claimedSpans.has(key)) return open;
  return call !== undefined && claimedSpans.get(key) === call ? "claimed" : undefined;
}

/** Whether a SERVER span is that of a gRPC call, which is named by the method already. */
function isGrpcSpan(span: Span): boolean {
  const { attributes = {} } = span as { attributes?: Attributes };
  return GRPC_SYSTEM.some((name) => attributes[name] === "grpc");
}

// The name before and after semantic conventions 1.39.
const GRPC_SYSTEM = ["rpc.system", "rpc.system.name"];

/** Whether the request of an HTTP SERVER span uses A2A's REST binding. */
function isRestRequest({ span, metadata }: OpenServerSpan, method: string): boolean {
  const http = metadata?.attributes ?? (span as { attributes?: Attributes }).attributes ?? {};
  return recogniseA2A("headers", String(http[HTTP_REQUEST_METHOD]), String(http[URL_PATH]), A2A_HEADERS)?.method === method;
}

// Marks the request as A2A for `recogniseA2A`: it is known to be, even if its own headers do not show it.
const A2A_HEADERS = { "a2a-version": "" };

/** The headers of the HTTP request, which the SDK's transports keep in the call's state. */
function requestHeaders(call: ServerCallContext | undefined): unknown {
  return safeCall("reading the request's headers", () => call?.state?.get("headers"));
}

/** The attributes of both ends: the server's from the `Host` header, the client's from the connection. */
function addressAttributes(call: ServerCallContext | undefined): Attributes {
  const headers = requestHeaders(call);
  const host = readHeader(headers, "host");
  const { address, port } = originOf(host === undefined ? "" : `a2a://${host}`);
  const { remoteAddress, remotePort } = connectionOf(headers) ?? {};
  return {
    ...(address !== "" && { [SERVER_ADDRESS]: address }),
    ...(port !== undefined && { [SERVER_PORT]: port }),
    ...(remoteAddress !== undefined && { [CLIENT_ADDRESS]: remoteAddress }),
    ...(remotePort !== undefined && { [CLIENT_PORT]: remotePort }),
  };
}
