import { SpanKind, context as contextApi, trace } from "@opentelemetry/api";
import type { Attributes, Context, Link, Span, Tracer } from "@opentelemetry/api";
import { isSuppressed } from "../core/context/call-context.ts";
import { openServerSpan } from "../core/context/open-server-span.ts";
import {
  CLIENT_ADDRESS,
  CLIENT_PORT,
  NETWORK_PEER_ADDRESS,
  NETWORK_PEER_PORT,
  NETWORK_PROTOCOL_VERSION,
  SERVER_ADDRESS,
  SERVER_PORT,
} from "../core/http/attributes.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { checkContextManager } from "../core/telemetry/tracer.ts";
import { admitSender } from "./admission.ts";
import { describeMessage } from "./message/attributes.ts";
import type { Description } from "./message/attributes.ts";
import type { McpConfig } from "./config.ts";
import { isRequest } from "./message/message.ts";
import type { Message } from "./message/message.ts";
import { readMeta, withoutMeta } from "./message/meta.ts";
import { Operation } from "./operation.ts";

export interface InboundMessage {
  readonly message: Message;
  /** Attributes of the connection and the session. */
  readonly attributes: Attributes;
  /** The context that the message is received in. */
  readonly base: Context;
}

interface Receiving {
  readonly operation: Operation;
  /** The message as it is delivered: where a span continues the trace, its handlers find that in the active context and not in `_meta`. */
  readonly message: Message;
}

/** Starts the handling of a request or notification; undefined if there is nothing to record and nothing to propagate. */
export function startReceiving(
  config: McpConfig,
  { message, attributes: connection, base }: InboundMessage,
): Receiving | undefined {
  checkContextManager();
  if (isSuppressed(base)) return undefined;
  const tracer = config.tracer();
  const duration = config.received();
  const { context: parent, links } = admitSender(config, message, base);
  if (tracer === undefined && duration === undefined && parent === contextApi.active()) return undefined;
  const description = describeMessage(message, receivedOver(config, connection, base), config.options);
  const span = tracer === undefined ? undefined : startServerSpan(tracer, description, { parent, links });
  const operation = new Operation({
    role: "receiver",
    method: message.method as string,
    isRequest: isRequest(message),
    context: span === undefined ? parent : trace.setSpan(parent, span),
    attributes: description.attributes,
    span,
    endsSpan: true,
    duration,
    recordsResult: config.options.recordToolResults === true,
  });
  const fields = config.propagation()?.fields ?? [];
  const isContinued = span !== undefined && readMeta(message, fields) !== undefined;
  return { operation, message: isContinued ? withoutMeta(message, fields) : message };
}

function startServerSpan(
  tracer: Tracer,
  { name, attributes }: Description,
  { parent, links }: { readonly parent: Context; readonly links: Link[] },
): Span | undefined {
  return safeCall("the tracer", () => tracer.startSpan(name, { kind: SpanKind.SERVER, attributes, links }, parent));
}

/**
 * The attributes of the connection on the receiving side: without the address of the server, and with what the SERVER span of the HTTP request shows of
 * the client, because the transports do not show it.
 */
function receivedOver({ side }: McpConfig, connection: Attributes, base: Context): Attributes {
  if (side === "client") {
    const { [SERVER_ADDRESS]: _address, [SERVER_PORT]: _port, ...attributes } = connection;
    return attributes;
  }
  const http = (openServerSpan(base)?.span as { attributes?: Attributes } | undefined)?.attributes;
  if (http === undefined) return connection;
  const attributes = { ...connection };
  const address = http[CLIENT_ADDRESS];
  const port = http[CLIENT_PORT] ?? (http[NETWORK_PEER_ADDRESS] === address ? http[NETWORK_PEER_PORT] : undefined);
  if (address !== undefined) attributes[CLIENT_ADDRESS] = address;
  if (address !== undefined && port !== undefined) attributes[CLIENT_PORT] = port;
  if (http[NETWORK_PROTOCOL_VERSION] !== undefined) attributes[NETWORK_PROTOCOL_VERSION] = http[NETWORK_PROTOCOL_VERSION];
  return attributes;
}
