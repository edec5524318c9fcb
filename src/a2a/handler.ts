import type { AgentCard } from "@a2a-js/sdk";
import type { A2ARequestHandler, ServerCallContext } from "@a2a-js/sdk/server";
import { SpanKind, context, isSpanContextValid, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { recogniseA2A } from "../core/http/a2a-recognition.ts";
import { HTTP_REQUEST_METHOD, HTTP_ROUTE, SERVER_ADDRESS, SERVER_PORT, URL_PATH } from "../core/http/attributes.ts";
import { originOf } from "../core/http/urls.ts";
import { isSuppressed } from "../core/context/call-context.ts";
import { readHeader, readHeaders } from "../core/propagation/carrier.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { sharedState } from "../core/telemetry/shared-state.ts";
import { A2A_OPTIONS, checkOptions } from "../core/telemetry/options.ts";
import type { A2AOptions } from "../core/telemetry/options.ts";
import { extract, propagationSource } from "../core/propagation/propagator.ts";
import { openServerSpan } from "../core/context/open-server-span.ts";
import type { OpenServerSpan } from "../core/context/open-server-span.ts";
import { checkContextManager, tracerSource } from "../core/telemetry/tracer.ts";
import { agentAttributes, conversationOf, requestAttributes } from "./attributes.ts";
import { withConversation } from "./conversation.ts";
import { answeredErrorType } from "./failure.ts";
import { followCall, followStream } from "./follow.ts";
import { withMethods } from "./methods.ts";
import type { Around } from "./methods.ts";
import { Operation } from "./operation.ts";

/** The methods of the SDK's request handler, with the names that A2A has for them. */
const METHODS = {
  getAuthenticatedExtendedAgentCard: "GetExtendedAgentCard",
  sendMessage: "SendMessage",
  sendMessageStream: "SendStreamingMessage",
  createTaskPushNotificationConfig: "CreateTaskPushNotificationConfig",
  getTaskPushNotificationConfig: "GetTaskPushNotificationConfig",
  listTaskPushNotificationConfigs: "ListTaskPushNotificationConfigs",
  deleteTaskPushNotificationConfig: "DeleteTaskPushNotificationConfig",
  getTask: "GetTask",
  cancelTask: "CancelTask",
  listTasks: "ListTasks",
  resubscribe: "SubscribeToTask",
} satisfies Partial<Record<keyof A2ARequestHandler, string>>;

const STREAMING = new Set(["sendMessageStream", "resubscribe"]);

/** The SERVER spans that a call has named: a handler that is called in the course of another call gets a span of its own. */
const claimed = new WeakMap<Span, unknown>();

/**
 * Wraps a request handler of @a2a-js/sdk: the HTTP SERVER span is named by the A2A method and tells of task, conversation and agent. Where
 * no SERVER span is open one is opened, in the trace that the request's headers tell of.
 *
 * The executor runs in its context, also after the response. A handler that is wrapped already is returned as it is.
 *
 * @throws TypeError for a bad option, or where `handler` is no request handler.
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
  if (sharedState.instrumented.has(handler)) return handler;
  const tracer = tracerSource(options.tracerProvider);
  const propagation = propagationSource(options.propagator);
  const { polling = "trace", conversationBaggage = [] } = options;
  let shown: AgentCard | undefined;

  /** The active context; where no span is in it, with the trace that the request's headers tell of. */
  function parentOf(active: Context, call: ServerCallContext | undefined): Context {
    const spanContext = trace.getSpanContext(active);
    if (spanContext !== undefined && isSpanContextValid(spanContext)) return active;
    const source = propagation();
    const carried = source && readHeaders(headersOf(call), source.fields);
    return source && carried ? extract(source, carried, active) : active;
  }

  function begin(method: string, active: Context, args: readonly unknown[]): Operation | undefined {
    const [request, call] = args as [unknown, ServerCallContext | undefined];
    const open = liveSpan(active, call);
    if (open === "claimed") return undefined;
    const silenced = method === "GetTask" && polling === "suppress";
    const parent = open === undefined ? parentOf(active, call) : active;
    const base = silenced ? suppressTracing(parent) : withConversation(parent, conversationBaggage, conversationOf(request));
    const tell = (): Attributes => {
      const card = (handler as { agentCard?: AgentCard }).agentCard ?? shown;
      return { ...requestAttributes(method, request, call?.tenant, call?.requestedVersion), ...agentAttributes(card) };
    };
    if (open !== undefined) {
      claimed.set(open.span, call);
      const isRest = open.span.isRecording() && nameSpan(open, method, tell());
      // HTTP has its own word on a status of its own: 4xx is no error of a server. An error in mid-stream comes too late for a status.
      const judge = (error: unknown, { answered }: Operation): string | undefined =>
        isRest && !answered ? undefined : answeredErrorType(error);
      return new Operation(base, open.span, false, judge);
    }
    const recorder = silenced ? undefined : tracer();
    const span =
      recorder &&
      safeCall("the tracer", () => {
        const attributes = { ...tell(), ...hostAttributes(call) };
        return recorder.startSpan(method, { kind: SpanKind.SERVER, attributes }, base);
      });
    if (span === undefined) return new Operation(base, undefined, false, answeredErrorType);
    claimed.set(span, call);
    return new Operation(trace.setSpan(base, span), span, true, answeredErrorType);
  }

  const around = new Map<PropertyKey, Around>();
  for (const [key, method] of Object.entries(METHODS)) {
    around.set(key, (call, args) => {
      checkContextManager();
      const active = context.active();
      if (isSuppressed(active)) return call();
      if (STREAMING.has(key)) return followStream(call(), () => begin(method, active, args));
      const operation = safeCall("beginning an A2A call", begin, method, active, args);
      return operation === undefined ? call() : followCall(operation, call);
    });
  }
  // The SDK's transports ask for the card before each call: a handler that keeps it to itself shows it there.
  around.set("getAgentCard", (call) => {
    const result = call();
    if (!(result instanceof Promise) || "agentCard" in handler) return result;
    return result.then((card: AgentCard) => (shown = card));
  });
  const proxy = withMethods(handler, around);
  sharedState.instrumented.add(proxy);
  return proxy;
}

/**
 * The SERVER span that is open for this call; none where it has ended, or is that of another call; `"claimed"` where a wrapper outside of
 * this one has named it.
 */
function liveSpan(active: Context, call: unknown): OpenServerSpan | "claimed" | undefined {
  const open = openServerSpan(active);
  // The API does not show it, but the span of an SDK does.
  if (open === undefined || (open.span as { ended?: boolean }).ended === true) return undefined;
  if (!isSpanContextValid(open.span.spanContext())) return undefined;
  if (!claimed.has(open.span)) return open;
  return call !== undefined && claimed.get(open.span) === call ? "claimed" : undefined;
}

/** Names the SERVER span by the method, for good. @returns whether the request came by A2A's REST binding. */
function nameSpan({ span, metadata }: OpenServerSpan, method: string, attributes: Attributes): boolean {
  safeCall("a span", () => {
    if (metadata?.route !== undefined) {
      // Whoever owns the span would name it by its route when the response ends.
      span.setAttribute(HTTP_ROUTE, metadata.route);
      delete metadata.route;
    }
    sharedState.namedSpans.add(span);
    span.updateName(method);
    span.setAttributes(attributes);
  });
  const { attributes: http = {} } = span as { attributes?: Attributes };
  return recogniseA2A("headers", String(http[HTTP_REQUEST_METHOD]), String(http[URL_PATH]), A2A_HEADERS)?.method === method;
}

/** That it is A2A is known here. */
const A2A_HEADERS = { "a2a-version": "" };

/** The headers of the request, which the SDK's transports keep with the call. */
function headersOf(call: ServerCallContext | undefined): unknown {
  return safeCall("reading the request's headers", () => call?.state?.get("headers"));
}

function hostAttributes(call: ServerCallContext | undefined): Attributes {
  const host = readHeader(headersOf(call), "host");
  if (host === undefined) return {};
  const { address, port } = originOf(`a2a://${host}`);
  return { ...(address !== "" && { [SERVER_ADDRESS]: address }), ...(port !== undefined && { [SERVER_PORT]: port }) };
}
