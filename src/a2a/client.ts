import type { AgentCard } from "@a2a-js/sdk";
import type { Client, RequestOptions } from "@a2a-js/sdk/client";
import { SpanKind, context, trace } from "@opentelemetry/api";
import type { Attributes, Context } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { SERVER_ADDRESS, SERVER_PORT } from "../core/http/attributes.ts";
import { originOf } from "../core/http/urls.ts";
import { isSuppressed } from "../core/context/call-context.ts";
import { isCancellation } from "../core/http/errors.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { A2A_OPTIONS, checkOptions } from "../core/telemetry/options.ts";
import type { A2AOptions } from "../core/telemetry/options.ts";
import { checkContextManager, tracerSource } from "../core/telemetry/tracer.ts";
import { sharedState } from "../core/telemetry/shared-state.ts";
import { agentAttributes, conversationOf, requestAttributes } from "./attributes.ts";
import { withConversation } from "./conversation.ts";
import { receivedErrorType } from "./failure.ts";
import { followCall, followStream } from "./follow.ts";
import { withMethods } from "./methods.ts";
import type { Around } from "./methods.ts";
import { Operation } from "./operation.ts";

/** The methods of the SDK's client, with the names that A2A has for them. */
const METHODS = {
  getAgentCard: "GetExtendedAgentCard",
  sendMessage: "SendMessage",
  sendMessageStream: "SendStreamingMessage",
  createTaskPushNotificationConfig: "CreateTaskPushNotificationConfig",
  getTaskPushNotificationConfig: "GetTaskPushNotificationConfig",
  listTaskPushNotificationConfig: "ListTaskPushNotificationConfigs",
  deleteTaskPushNotificationConfig: "DeleteTaskPushNotificationConfig",
  getTask: "GetTask",
  cancelTask: "CancelTask",
  listTasks: "ListTasks",
  resubscribeTask: "SubscribeToTask",
} satisfies Partial<Record<keyof Client, string>>;

const STREAMING = new Set(["sendMessageStream", "resubscribeTask"]);

/**
 * Wraps a client of @a2a-js/sdk: each call gets a CLIENT span named by its A2A method, the parent of its HTTP span, which covers the whole
 * stream where there is one. A client that is wrapped already is returned as it is.
 *
 * A JSON-RPC error is an error, under whatever HTTP status it came; a call that its own signal cancelled is none.
 *
 * @throws TypeError for a bad option, or where `client` is no client.
 *
 * @example
 * const client = wrapA2AClient(await new ClientFactory().createFromUrl("https://agent.example"));
 */
export function wrapA2AClient<C extends Pick<Client, "sendMessage">>(client: C, options: A2AOptions = {}): C {
  checkOptions("wrapA2AClient", options, A2A_OPTIONS);
  if (typeof (client as Partial<C> | null | undefined)?.sendMessage !== "function") {
    throw new TypeError("wrapA2AClient: client must be a client of @a2a-js/sdk");
  }
  if (sharedState.instrumented.has(client)) return client;
  const tracer = tracerSource(options.tracerProvider);
  const describe = agentOf(client);
  const { polling = "trace", conversationBaggage = [] } = options;

  /** The call's context and what begins its operation; undefined where there is nothing to do. */
  function prepare(key: string, args: readonly unknown[]): (() => Operation | undefined) | undefined {
    checkContextManager();
    const active = context.active();
    if (isSuppressed(active)) return undefined;
    const agent = describe();
    const method = methodOf(key, agent.card);
    if (method === undefined) return undefined;
    const request = key === "getAgentCard" ? undefined : args[0];
    if (method === "GetTask" && polling === "suppress") return () => silent(suppressTracing(active));
    const base = withConversation(active, conversationBaggage, conversationOf(request));
    const recorder = tracer();
    if (recorder === undefined) return base === active ? undefined : () => silent(base);
    return () => {
      const { transport, protocolVersion } = client as Partial<Client>;
      const told = requestAttributes(method, request, (transport as Inner | undefined)?.defaultTenant, protocolVersion);
      const attributes = { ...told, ...agent.attributes };
      const span = safeCall("the tracer", () => recorder.startSpan(method, { kind: SpanKind.CLIENT, attributes }, base));
      if (span === undefined) return silent(base);
      const signal = (args[key === "getAgentCard" ? 0 : 1] as RequestOptions | undefined)?.signal;
      const judge = (error: unknown): string | undefined =>
        isCancellation(error, signal) ? undefined : receivedErrorType(error, signal);
      return new Operation(trace.setSpan(base, span), span, true, judge);
    };
  }

  const around = new Map<PropertyKey, Around>();
  for (const key of Object.keys(METHODS)) {
    around.set(key, (call, args) => {
      const begin = safeCall("preparing an A2A call", prepare, key, args);
      if (begin === undefined) return call();
      if (STREAMING.has(key)) return followStream(call(), begin);
      const operation = safeCall("beginning an A2A call", begin);
      return operation === undefined ? call() : followCall(operation, call);
    });
  }
  const proxy = withMethods(client, around);
  sharedState.instrumented.add(proxy);
  return proxy;
}

/** An operation that nothing is recorded of: only its context counts. */
function silent(base: Context): Operation {
  return new Operation(base, undefined, false, () => undefined);
}

/** What is called on the wire: an agent that does not stream is sent a plain message, and a card that has no extended one is not fetched. */
function methodOf(key: string, card: AgentCard | undefined): string | undefined {
  const { streaming, extendedAgentCard } = card?.capabilities ?? {};
  if (key === "getAgentCard" && card !== undefined && extendedAgentCard !== true) return undefined;
  if (key === "sendMessageStream" && card !== undefined && streaming !== true) return METHODS.sendMessage;
  return METHODS[key as keyof typeof METHODS];
}

/** What the SDK keeps to itself: the transport's URL and tenant, and the transport within one that adds the tenant. */
interface Inner {
  readonly endpoint?: unknown;
  readonly defaultTenant?: unknown;
  readonly base?: Inner;
}

interface Agent {
  readonly card: AgentCard | undefined;
  readonly attributes: Attributes;
}

/** Tells of the agent that a client talks to; the card changes when an extended one is fetched. */
function agentOf(client: object): () => Agent {
  let agent: Agent | undefined;
  return () => {
    const { agentCard: card, transport } = client as { agentCard?: AgentCard; transport?: Client["transport"] };
    if (agent !== undefined && agent.card === card) return agent;
    const attributes = agentAttributes(card);
    const url = endpointOf(transport as Inner | undefined) ?? urlOf(card, transport);
    // gRPC's address has no scheme.
    const { address, port } = originOf(url.includes("://") ? url : `grpc://${url}`);
    if (address !== "") attributes[SERVER_ADDRESS] = address;
    if (address !== "" && port !== undefined) attributes[SERVER_PORT] = port;
    agent = { card, attributes };
    return agent;
  };
}

function endpointOf(transport: Inner | undefined): string | undefined {
  const endpoint = transport?.endpoint ?? transport?.base?.endpoint;
  return typeof endpoint === "string" ? endpoint : undefined;
}

/** The URL of the card's interface that the transport speaks. */
function urlOf(card: AgentCard | undefined, transport: Client["transport"] | undefined): string {
  const spoken = card?.supportedInterfaces?.filter(({ protocolBinding }) => protocolBinding === transport?.protocolName) ?? [];
  return (spoken.find(({ protocolVersion }) => protocolVersion === transport?.protocolVersion) ?? spoken[0])?.url ?? "";
}
