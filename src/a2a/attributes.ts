import type { AgentCard } from "@a2a-js/sdk";
import type { Attributes } from "@opentelemetry/api";
import { A2A_METHOD_NAME } from "../core/http/a2a-recognition.ts";

// The attributes of OpenTelemetry's A2A conventions (development), as they are read from the arguments and results of the SDK's methods.

const A2A_MESSAGE_ID = "a2a.message.id";
const A2A_MESSAGE_REFERENCE_TASK_IDS = "a2a.message.reference_task_ids";
const A2A_PROTOCOL_VERSION = "a2a.protocol.version";
export const A2A_TASK_ID = "a2a.task.id";
export const A2A_TASK_STATE = "a2a.task.state";
const A2A_TENANT = "a2a.tenant";
const GEN_AI_AGENT_DESCRIPTION = "gen_ai.agent.description";
const GEN_AI_AGENT_NAME = "gen_ai.agent.name";
const GEN_AI_AGENT_VERSION = "gen_ai.agent.version";
export const GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id";

// The names of the SDK's enumeration `TaskState`, by number.
const TASK_STATES = [
  "TASK_STATE_UNSPECIFIED",
  "TASK_STATE_SUBMITTED",
  "TASK_STATE_WORKING",
  "TASK_STATE_COMPLETED",
  "TASK_STATE_FAILED",
  "TASK_STATE_CANCELED",
  "TASK_STATE_INPUT_REQUIRED",
  "TASK_STATE_REJECTED",
  "TASK_STATE_AUTH_REQUIRED",
];

// The methods whose `id` is that of a task. In other methods it is that of a push notification configuration.
const METHODS_WITH_TASK_ID = new Set(["GetTask", "CancelTask", "SubscribeToTask"]);

// Of any shape, because the values come from the application or from another agent.
type Fields = Record<string, unknown>;

function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

/** A text; undefined if it is empty, as fields of the SDK's messages are that are not set. */
function nonEmptyText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function setText(attributes: Attributes, name: string, value: unknown): void {
  const text = nonEmptyText(value);
  if (text !== undefined) attributes[name] = text;
}

/** The attributes that are known from the request of a method. */
export function requestAttributes(method: string, request: unknown, tenant: unknown, version: unknown): Attributes {
  const attributes: Attributes = { [A2A_METHOD_NAME]: method };
  const fields = asFields(request);
  const message = asFields(fields?.["message"]);
  setText(attributes, A2A_MESSAGE_ID, message?.["messageId"]);
  setText(attributes, A2A_TASK_ID, message?.["taskId"] ?? (METHODS_WITH_TASK_ID.has(method) ? fields?.["id"] : fields?.["taskId"]));
  setText(attributes, A2A_TENANT, nonEmptyText(fields?.["tenant"]) ?? tenant);
  setText(attributes, A2A_PROTOCOL_VERSION, version);
  setText(attributes, GEN_AI_CONVERSATION_ID, conversationId(request));
  const references = message?.["referenceTaskIds"];
  if (Array.isArray(references) && references.length > 0) attributes[A2A_MESSAGE_REFERENCE_TASK_IDS] = references.map(String);
  return attributes;
}

/** `gen_ai.conversation.id`: the context id of a request. */
export function conversationId(request: unknown): string | undefined {
  const fields = asFields(request);
  return nonEmptyText(asFields(fields?.["message"])?.["contextId"]) ?? nonEmptyText(fields?.["contextId"]);
}

/** The fields of a result, or of an event of a stream, that are recorded. */
export interface ResultFields {
  readonly taskId: string | undefined;
  readonly state: string | undefined;
  readonly conversation: string | undefined;
}

/** Reads a task, a message, a push notification configuration, or an event of a stream that contains one of them. */
export function readResult(result: unknown): ResultFields | undefined {
  const fields = asFields(result);
  const entity = asFields(asFields(fields?.["payload"])?.["value"]) ?? fields;
  if (entity === undefined) return undefined;
  const isTask = "status" in entity && !("taskId" in entity);
  return {
    taskId: nonEmptyText(isTask ? entity["id"] : entity["taskId"]),
    state: stateName(asFields(entity["status"])?.["state"]),
    conversation: nonEmptyText(entity["contextId"]),
  };
}

function stateName(state: unknown): string | undefined {
  if (typeof state === "number") return TASK_STATES[state];
  return typeof state === "string" && TASK_STATES.includes(state) ? state : undefined;
}

/** The attributes that are known from an agent's card. */
export function agentAttributes(card: AgentCard | undefined): Attributes {
  const attributes: Attributes = {};
  setText(attributes, GEN_AI_AGENT_NAME, card?.name);
  setText(attributes, GEN_AI_AGENT_DESCRIPTION, card?.description);
  setText(attributes, GEN_AI_AGENT_VERSION, card?.version);
  return attributes;
}
