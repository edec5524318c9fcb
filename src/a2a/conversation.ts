import { propagation, trace } from "@opentelemetry/api";
import type { Attributes, Context } from "@opentelemetry/api";
import { GEN_AI_CONVERSATION_ID } from "./attributes.ts";

// Where Traceloop's SDK keeps its association properties in a context, and how it prefixes their attributes on spans.
const TRACELOOP = Symbol.for("association_properties");
const TRACELOOP_PREFIX = "traceloop.association.properties.";

// Where Langfuse's SDK keeps the user and the session in a context, by its names for baggage and by those for span attributes.
const LANGFUSE: Record<string, symbol> = {
  langfuse_user_id: Symbol.for("langfuse_user_id"),
  langfuse_session_id: Symbol.for("langfuse_session_id"),
  "user.id": Symbol.for("langfuse_user_id"),
  "session.id": Symbol.for("langfuse_session_id"),
};

/** Adds the named members to a context's baggage if their values are known. Returns the same context if that changes nothing. */
export function withConversation(context: Context, members: readonly string[], conversation: string | undefined): Context {
  let baggage = propagation.getBaggage(context);
  let changed = false;
  for (const member of members) {
    const value = member === GEN_AI_CONVERSATION_ID ? conversation : associationProperty(context, member);
    if (value === undefined || baggage?.getEntry(member)?.value === value) continue;
    baggage = (baggage ?? propagation.createBaggage()).setEntry(member, { value });
    changed = true;
  }
  return changed && baggage !== undefined ? propagation.setBaggage(context, baggage) : context;
}

/** The value of an association property: Traceloop's, Langfuse's, or an attribute of the active span. */
function associationProperty(context: Context, name: string): string | undefined {
  const properties = context.getValue(TRACELOOP) as Record<string, unknown> | undefined;
  const short = name.startsWith(TRACELOOP_PREFIX) ? name.slice(TRACELOOP_PREFIX.length) : name;
  const key = LANGFUSE[name];
  // The API does not expose attributes; spans of the SDK have them as a property.
  const attributes = (trace.getSpan(context) as { attributes?: Attributes } | undefined)?.attributes;
  return scalar(properties?.[short]) ?? scalar(key && context.getValue(key)) ?? scalar(attributes?.[name]);
}

function scalar(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
