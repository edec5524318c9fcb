import type { AgentCard } from "@a2a-js/sdk";
import type { Client, RequestOptions } from "@a2a-js/sdk/client";
import { SpanKind, context, trace } from "@opentelemetry/api";
import type { Attributes } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { SERVER_ADDRESS, SERVER_PORT } from "../core/http/attributes.ts";
import { originOf } from "../core/http/urls.ts";
import { markA2AClient } from "../core/context/a2a-client-span.ts";
import { isSuppressed } from "../core/context/call-context.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { A2A_OPTIONS, checkOptions } from "../core/telemetry/check-options.ts";
import type { A2AOptions } from "../core/telemetry/options.ts";
import { WITHOUT_SCHEMA, checkContextManager, tracerSource } from "../core/telemetry/tracer.ts";
import { wrapMethods } from "../core/telemetry/wrap-methods.ts";
import type { MethodWrapper } from "../core/telemetry/wrap-methods.ts";
import { isWrapped, markWrapped } from "../core/telemetry/wrapped.ts";
import { agentAttributes, conversationId, requestAttributes } from "./attributes.ts";
import { withConversation } from "./conversation.ts";
import { clientFailure } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { grpcArguments } from "./grpc.ts";
import { followCall, followStream } from "./follow.ts";
import { COMMON_METHODS } from "./methods.ts";
import { Operation } from "./operation.ts";

/** The methods of the SDK's client, with their names in A2A. */
const METHODS = {
  ...COMMON_METHODS,
  getAgentCard: "GetExtendedAgentCard",
  listTaskPushNotificationConfig: "ListTaskPushNotificationConfigs",
  resubscribeTask: "SubscribeToTask",
} satisfies Partial<Record<keyof Client, string>>;

const STREAMING = new Set(["sendMessageStream", "resubscribeTask"]);

/**
 * Wraps a client of @a2a-js/sdk: each call gets a CLIENT span named by its A2A method, which is the parent of its HTTP span and covers the
 * whole stream of a streaming method. A client that is wrapped already is returned as it is, without options or with the same ones.
 *
 * A JSON-RPC error is recorded as an error, whatever the HTTP status. A call that is cancelled by its own signal is not an error.
 *
 * @throws TypeError for an invalid option, if `client` is not a client, or if it is wrapped already with other options.
 *
 * @example
 * const client = wrapA2AClient(await new ClientFactory().createFromUrl("https://agent.example"));
 */
export function wrapA2AClient<C extends Pick<Client, "sendMessage">>(client: C, options: A2AOptions = {}): C {
  checkOptions("wrapA2AClient", options, A2A_OPTIONS);
  if (typeof (client as Partial<C> | null | undefined)?.sendMessage !== "function") {
    throw new TypeError("wrapA2AClient: client must be a client of @a2a-js/sdk");
  }
  if (isWrapped("wrapA2AClient", client, options)) return client;
  const getTracer = tracerSource(options.tracerProvider, WITHOUT_SCHEMA);
  const readAgent = agentReader(client);
  const prepareGrpc = grpcArguments(options);
  const { polling = "trace", conversationBaggage = [] } = options;

  /** Returns a function that starts the operation of a call; undefined if there is nothing to record and nothing to change. */
  function prepare(key: string, args: readonly unknown[]): (() => Operation | undefined) | undefined {
    checkContextManager();
    const active = context.active();
    if (isSuppressed(active)) return undefined;
    const agent = readAgent();
    const method = methodOnWire(key, agent.card);
    if (method === undefined) return undefined;
    const request = key === "getAgentCard" ? undefined : args[0];
    if (method === "GetTask" && polling === "suppress") return () => new Operation(suppressTracing(active));
    const base = withConversation(active, conversationBaggage, conversationId(request));
    const tracer = getTracer();
    if (tracer === undefined) return base === active ? undefined : () => new Operation(base);
    return () => {
      const { transport, protocolVersion } = client as Partial<Client>;
      const tenant = (transport as TransportInternals | undefined)?.defaultTenant;
      const attributes = { ...requestAttributes(method, request, tenant, protocolVersion), ...agent.attributes };
      const span = safeCall("the tracer", () => tracer.startSpan(method, { kind: SpanKind.CLIENT, attributes }, base));
      if (span === undefined) return new Operation(base);
      const signal = (args[optionsIndex(key)] as RequestOptions | undefined)?.signal;
      const classifyError = (error: unknown): Failure | undefined => clientFailure(error, signal);
      return new Operation(markA2AClient(trace.setSpan(base, span)), { span, endsSpan: true, classifyError });
    };
  }

  const wrappers = new Map<PropertyKey, MethodWrapper>();
  for (const key of Object.keys(METHODS)) {
    wrappers.set(key, (call, args) => {
      const { transport } = client as Partial<Client>;
      const grpc = safeCall("preparing an A2A call", () => prepareGrpc(transport, args, optionsIndex(key), readAgent().url));
      const send = grpc === undefined ? call : (): unknown => call(grpc.args);
      const prepared = safeCall("preparing an A2A call", prepare, key, args);
      if (prepared === undefined) {
        safeCall("injecting the context", grpc?.inject, context.active());
        return send();
      }
      const start = (): Operation | undefined => {
        const operation = prepared();
        if (operation !== undefined) safeCall("injecting the context", grpc?.inject, operation.context);
        return operation;
      };
      if (STREAMING.has(key)) return followStream(send(), start);
      const operation = safeCall("starting an A2A call", start);
      return operation === undefined ? send() : followCall(operation, send);
    });
  }
  const proxy = wrapMethods(client, wrappers);
  markWrapped(proxy, options);
  return proxy;
}

/**
 * The A2A method that the SDK calls: it sends a plain message to an agent that does not stream, and requests nothing if the card says that there
 * is no extended card.
 */
function methodOnWire(key: string, card: AgentCard | undefined): string | undefined {
  const { streaming, extendedAgentCard } = card?.capabilities ?? {};
  if (key === "getAgentCard" && card !== undefined && extendedAgentCard !== true) return undefined;
  if (key === "sendMessageStream" && card !== undefined && streaming !== true) return METHODS.sendMessage;
  return METHODS[key as keyof typeof METHODS];
}

/** The position of the options among the arguments of a method. */
function optionsIndex(key: string): number {
  return key === "getAgentCard" ? 0 : 1;
}

/** Private properties of the SDK's transports: URL, tenant, and the inner transport of the one that adds the tenant. */
interface TransportInternals {
  readonly endpoint?: unknown;
  readonly defaultTenant?: unknown;
  readonly base?: TransportInternals;
}

interface Agent {
  readonly card: AgentCard | undefined;
  /** The URL of its interface, with a scheme. */
  readonly url: string;
  readonly attributes: Attributes;
}

/** Reads the agent that a client calls. The result is kept until the client has another card, as after it has fetched the extended one. */
function agentReader(client: object): () => Agent {
  let agent: Agent | undefined;
  return () => {
    const { agentCard: card, transport } = client as { agentCard?: AgentCard; transport?: Client["transport"] };
    if (agent !== undefined && agent.card === card) return agent;
    const attributes = agentAttributes(card);
    const endpoint = transportEndpoint(transport as TransportInternals | undefined) ?? interfaceUrl(card, transport);
    // An address of gRPC has no scheme, or that of a name resolver (`dns:///agent.example:443`).
    const target = endpoint.replace(/^(?:dns|ipv4|ipv6):(?:\/\/[^/]*\/)?/, "");
    const url = target.includes("://") ? target : `grpc://${target}`;
    const { address, port } = originOf(url);
    if (address !== "") attributes[SERVER_ADDRESS] = address;
    if (address !== "" && port !== undefined) attributes[SERVER_PORT] = port;
    agent = { card, url, attributes };
    return agent;
  };
}

function transportEndpoint(transport: TransportInternals | undefined): string | undefined {
  const endpoint = transport?.endpoint ?? transport?.base?.endpoint;
  return typeof endpoint === "string" ? endpoint : undefined;
}

/** The URL of the interface in the card that has the transport's protocol. */
function interfaceUrl(card: AgentCard | undefined, transport: Client["transport"] | undefined): string {
  const interfaces = card?.supportedInterfaces?.filter(({ protocolBinding }) => protocolBinding === transport?.protocolName) ?? [];
  return (interfaces.find(({ protocolVersion }) => protocolVersion === transport?.protocolVersion) ?? interfaces[0])?.url ?? "";
}
