import type { Attributes } from "@opentelemetry/api";
import { redactUrlsInText } from "../../core/http/redaction.ts";
import type { McpOptions } from "../../core/telemetry/options.ts";
import { asFields, asText } from "./message.ts";
import type { Fields, Message } from "./message.ts";

// The attributes of OpenTelemetry's conventions for MCP (development), as they are read from the messages.

const MCP_METHOD_NAME = "mcp.method.name";
export const MCP_PROTOCOL_VERSION = "mcp.protocol.version";
export const MCP_SESSION_ID = "mcp.session.id";
const MCP_RESOURCE_URI = "mcp.resource.uri";
const JSONRPC_REQUEST_ID = "jsonrpc.request.id";
export const RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code";
export const GEN_AI_OPERATION_NAME = "gen_ai.operation.name";
export const GEN_AI_TOOL_NAME = "gen_ai.tool.name";
const GEN_AI_TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments";
export const GEN_AI_TOOL_CALL_RESULT = "gen_ai.tool.call.result";
const GEN_AI_PROMPT_NAME = "gen_ai.prompt.name";
const GEN_AI_PROMPT_VARIABLE = "gen_ai.prompt.variable.";

export const EXECUTE_TOOL = "execute_tool";
export const TOOLS_CALL = "tools/call";

/** What is recorded of a request or notification when it is sent or received. */
export interface Description {
  /** The name of the span: the method, with the tool or the prompt. */
  readonly name: string;
  readonly attributes: Attributes;
}

/** @param base attributes of the connection. */
export function describeMessage(message: Message, base: Attributes, options: McpOptions): Description {
  const { id, params } = message;
  const method = message.method as string;
  const attributes: Attributes = { ...base, [MCP_METHOD_NAME]: method };
  if (id !== undefined && id !== null) attributes[JSONRPC_REQUEST_ID] = String(id);
  if (params === undefined) return { name: method, attributes };
  const name = asText(params["name"]);
  if (method === TOOLS_CALL) {
    attributes[GEN_AI_OPERATION_NAME] = EXECUTE_TOOL;
    if (options.recordToolArguments === true) setJson(attributes, GEN_AI_TOOL_CALL_ARGUMENTS, params["arguments"]);
    return named(method, GEN_AI_TOOL_NAME, name, attributes);
  }
  if (method === "prompts/get") {
    if (options.recordPromptVariables === true) setVariables(attributes, asFields(params["arguments"]));
    return named(method, GEN_AI_PROMPT_NAME, name, attributes);
  }
  const reference = method === "completion/complete" ? asFields(params["ref"]) : undefined;
  const uri = asText(params["uri"]) ?? asText(reference?.["uri"]);
  if (uri !== undefined) attributes[MCP_RESOURCE_URI] = redactUrlsInText(uri, undefined);
  return named(method, GEN_AI_PROMPT_NAME, asText(reference?.["name"]), attributes);
}

function named(method: string, attribute: string, target: string | undefined, attributes: Attributes): Description {
  if (target === undefined) return { name: method, attributes };
  attributes[attribute] = target;
  return { name: `${method} ${target}`, attributes };
}

function setVariables(attributes: Attributes, variables: Fields | undefined): void {
  for (const [name, value] of Object.entries(variables ?? {})) attributes[GEN_AI_PROMPT_VARIABLE + name] = String(value);
}

function setJson(attributes: Attributes, name: string, value: unknown): void {
  const json = toJson(value);
  if (json !== undefined) attributes[name] = json;
}

/** The JSON of a value; undefined if it has none. */
export function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

// Attributes of spans that metrics do not have: their values are too many, or sensitive.
const SPAN_ONLY = new Set([JSONRPC_REQUEST_ID, MCP_SESSION_ID, MCP_RESOURCE_URI, GEN_AI_TOOL_CALL_ARGUMENTS]);

/** The attributes of a span that the duration of the operation has too. */
export function metricAttributes(attributes: Attributes): Attributes {
  const kept: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (SPAN_ONLY.has(name) || name.startsWith("client.") || name.startsWith(GEN_AI_PROMPT_VARIABLE)) continue;
    kept[name] = value;
  }
  return kept;
}
