import { SpanKind, TraceFlags, context as contextApi, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import { withoutCallSuppression } from "../core/context/call-context.ts";
import { parentFromHeaders } from "../core/propagation/parent.ts";
import { injectWithPolicy } from "../core/propagation/policy.ts";
import { hasContext, isEmpty, replacedNames } from "../core/propagation/propagator.ts";
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
import type { OperationStart } from "./operation.ts";
import type { Peer } from "./peer.ts";

const NONE: readonly string[] = [];
const UNRECORDED: Description = { name: "", attributes: {} };

interface Sending {
  /** Undefined if nothing of the message is recorded, and nothing else depends on its end. */
  readonly operation: Operation | undefined;
  /** The context that the message is sent in. */
  readonly context: Context;
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

/** Whether messages that are sent are recorded. */
export function isSendingRecorded(config: McpConfig): boolean {
  return config.tracer() !== undefined || config.sent() !== undefined;
}

/** Whether messages might be recorded or propagated. Without an SDK and outside of any trace they cannot. */
export function isSendingActive(config: McpConfig): boolean {
  return isSendingRecorded(config) || hasContext(contextApi.active());
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

  const isRecorded = tracer !== undefined || duration !== undefined;
  const description = isRecorded ? describeMessage(message, outbound.attributes, config.options) : UNRECORDED;
  const { attributes } = description;
  const outer = outerSpan(config, message, parent);
  const span = outer ?? (tracer === undefined ? undefined : startClientSpan(tracer, description, parent));
  if (outer !== undefined) enrich(outer, attributes);
  const context = span === undefined || span === outer ? parent : contextOf(span, parent);
  const start: OperationStart = {
    role: "sender",
    method: message.method as string,
    isRequest: isRequest(message),
    context,
    attributes,
    span,
    endsSpan: span !== outer,
    duration,
    recordsResult: config.options.recordToolResults === true,
  };
  const operation = duration !== undefined || span?.isRecording() === true || peer.streams ? new Operation(start) : undefined;
  const values = source && injectWithPolicy(peer.policy, source, context, peer.url);
  if (source === undefined || values === undefined || isEmpty(values)) return { operation, context, message };
  const replaced = carried === undefined ? NONE : replacedNames(values, source.fields);
  return { operation, context, message: withMeta(message, values, replaced) };
}

/** The context of a span. Below a span that is not sampled it stays as it is, because another span that is not sampled would say the same. */
function contextOf(span: Span, parent: Context): Context {
  const isSampled = (flags: number | undefined): boolean => flags === undefined || (flags & TraceFlags.SAMPLED) !== 0;
  if (!span.isRecording() && !isSampled(trace.getSpanContext(parent)?.traceFlags)) return parent;
  return trace.setSpan(parent, span);
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
