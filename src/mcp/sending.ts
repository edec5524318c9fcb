import { SpanKind, context as contextApi, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import { withoutCallSuppression } from "../core/context/call-context.ts";
import { parentFromHeaders } from "../core/propagation/parent.ts";
import { injectWithPolicy } from "../core/propagation/policy.ts";
import { hasContext, isEmpty, replacedNames } from "../core/propagation/propagator.ts";
import type { Propagation } from "../core/propagation/propagator.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { checkContextManager } from "../core/telemetry/tracer.ts";
import { GEN_AI_OPERATION_NAME, GEN_AI_TOOL_NAME, TOOLS_CALL, describeMessage } from "./message/attributes.ts";
import type { Description } from "./message/attributes.ts";
import type { McpConfig } from "./config.ts";
import { executeToolSpan } from "./execute-tool.ts";
import { isRequest } from "./message/message.ts";
import type { Message } from "./message/message.ts";
import { readMeta, withMeta } from "./message/meta.ts";
import { Operation } from "./operation.ts";
import type { Peer } from "./peer.ts";

interface Sending {
  readonly operation: Operation;
  /** The message with its trace context. */
  readonly message: Message;
}

export interface OutboundMessage {
  readonly message: Message;
  readonly peer: Peer;
  /** Attributes of the connection and the session. */
  readonly attributes: Attributes;
  /** The context that the message is sent in. */
  readonly active: Context;
}

/** Whether messages might be recorded or propagated. Without an SDK and outside of any trace they cannot. */
export function isSendingActive(config: McpConfig): boolean {
  return config.tracer() !== undefined || config.sent() !== undefined || hasContext(contextApi.active());
}

/** Starts a request or notification; undefined if it must be sent as it is. */
export function startSending(config: McpConfig, outbound: OutboundMessage): Sending | undefined {
  checkContextManager();
  const { message, peer } = outbound;
  const active = withoutCallSuppression(outbound.active);
  if (active === undefined) return undefined;
  const source = config.propagation();
  const carried = source && readMeta(message, source.fields);
  const parent = source !== undefined && carried !== undefined ? parentFromHeaders(active, carried, source) : active;
  const tracer = config.tracer();
  const duration = config.sent();
  if (tracer === undefined && duration === undefined && (source === undefined || !hasContext(parent))) return undefined;

  const description = describeMessage(message, outbound.attributes, config.options);
  const { attributes } = description;
  const outer = outerSpan(config, message, parent);
  const span = outer ?? (tracer === undefined ? undefined : startClientSpan(tracer, description, parent));
  if (outer !== undefined) enrich(outer, attributes);
  const context = span === undefined || span === outer ? parent : trace.setSpan(parent, span);
  const operation = new Operation({
    role: "sender",
    method: message.method as string,
    isRequest: isRequest(message),
    context,
    attributes,
    span,
    endsSpan: span !== outer,
    duration,
    recordsResult: config.options.recordToolResults === true,
  });
  return { operation, message: source === undefined ? message : inject(message, peer, source, context) };
}

function outerSpan({ options }: McpConfig, { method, params }: Message, parent: Context): Span | undefined {
  if (method !== TOOLS_CALL || options.executeToolSpan === "nest") return undefined;
  return executeToolSpan(parent, params?.["name"]);
}

function enrich(span: Span, { [GEN_AI_OPERATION_NAME]: _operation, [GEN_AI_TOOL_NAME]: _tool, ...attributes }: Attributes): void {
  safeCall("a span", () => span.setAttributes(attributes));
}

function startClientSpan(tracer: Tracer, { name, attributes }: Description, parent: Context): Span | undefined {
  return safeCall("the tracer", () => tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent));
}

function inject(message: Message, { policy, url }: Peer, source: Propagation, context: Context): Message {
  const values = injectWithPolicy(policy, source, context, url);
  return isEmpty(values) ? message : withMeta(message, values, replacedNames(values, source.fields));
}
