import type { AgentCard } from "@a2a-js/sdk";
import type { Attributes } from "@opentelemetry/api";
import { A2A_METHOD_NAME } from "../core/http/a2a-recognition.ts";

/** Attributes of OpenTelemetry's A2A conventions (development), and how they come from what the SDK's methods are given and return. */

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

/** The SDK's `TaskState`, by number. */
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

/** The methods whose `id` is a task's; that of the others is a configuration's. */
const BY_TASK_ID = new Set(["GetTask", "CancelTask", "SubscribeToTask"]);

/** A record of any shape: what is read here comes from the application or from another agent. */
type Fields = Record<string, unknown>;

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

/** A text that says something: the SDK's messages have "" where a field is not set. */
function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function put(attributes: Attributes, name: string, value: unknown): void {
  const said = text(value);
  if (said !== undefined) attributes[name] = said;
}

/** What the request of a method tells. */
export function requestAttributes(method: string, request: unknown, tenant: unknown, version: unknown): Attributes {
  const attributes: Attributes = { [A2A_METHOD_NAME]: method };
  const fields = fieldsOf(request);
  const message = fieldsOf(fields?.["message"]);
  put(attributes, A2A_MESSAGE_ID, message?.["messageId"]);
  put(attributes, A2A_TASK_ID, message?.["taskId"] ?? (BY_TASK_ID.has(method) ? fields?.["id"] : fields?.["taskId"]));
  put(attributes, A2A_TENANT, text(fields?.["tenant"]) ?? tenant);
  put(attributes, A2A_PROTOCOL_VERSION, version);
  put(attributes, GEN_AI_CONVERSATION_ID, conversationOf(request));
  const references = message?.["referenceTaskIds"];
  if (Array.isArray(references) && references.length > 0) attributes[A2A_MESSAGE_REFERENCE_TASK_IDS] = references.map(String);
  return attributes;
}

/** The context id of a request: the conversation that it belongs to. */
export function conversationOf(request: unknown): string | undefined {
  const fields = fieldsOf(request);
  return text(fieldsOf(fields?.["message"])?.["contextId"]) ?? text(fields?.["contextId"]);
}

/** What a result tells, or an event of a stream. */
export interface Seen {
  readonly taskId: string | undefined;
  readonly state: string | undefined;
  readonly conversation: string | undefined;
}

/** Reads a task, a message, a push configuration, or an event of a stream that holds one of them. */
export function readResult(result: unknown): Seen | undefined {
  const fields = fieldsOf(result);
  const entity = fieldsOf(fieldsOf(fields?.["payload"])?.["value"]) ?? fields;
  if (entity === undefined) return undefined;
  const isTask = "status" in entity && !("taskId" in entity);
  return {
    taskId: text(isTask ? entity["id"] : entity["taskId"]),
    state: stateName(fieldsOf(entity["status"])?.["state"]),
    conversation: text(entity["contextId"]),
  };
}

function stateName(state: unknown): string | undefined {
  if (typeof state === "number") return TASK_STATES[state];
  return typeof state === "string" && TASK_STATES.includes(state) ? state : undefined;
}

/** What an agent's card tells of it. */
export function agentAttributes(card: AgentCard | undefined): Attributes {
  const attributes: Attributes = {};
  put(attributes, GEN_AI_AGENT_NAME, card?.name);
  put(attributes, GEN_AI_AGENT_DESCRIPTION, card?.description);
  put(attributes, GEN_AI_AGENT_VERSION, card?.version);
  return attributes;
}
