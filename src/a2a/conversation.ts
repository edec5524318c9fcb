import { propagation, trace } from "@opentelemetry/api";
import type { Attributes, Context } from "@opentelemetry/api";
import { GEN_AI_CONVERSATION_ID } from "./attributes.ts";

/** Under which Traceloop's SDK keeps its association properties in a context, and before which it puts them on spans. */
const TRACELOOP = Symbol.for("association_properties");
const TRACELOOP_PREFIX = "traceloop.association.properties.";

/** Under which Langfuse's SDK keeps the user and the session in a context, by its baggage names and by those of the span attributes. */
const LANGFUSE: Record<string, symbol> = {
  langfuse_user_id: Symbol.for("langfuse_user_id"),
  langfuse_session_id: Symbol.for("langfuse_session_id"),
  "user.id": Symbol.for("langfuse_user_id"),
  "session.id": Symbol.for("langfuse_session_id"),
};

/** A context whose baggage has the members that are asked for and known; the others stay as they are. */
export function withConversation(context: Context, members: readonly string[], conversation: string | undefined): Context {
  let baggage = propagation.getBaggage(context);
  let changed = false;
  for (const member of members) {
    const value = member === GEN_AI_CONVERSATION_ID ? conversation : propertyOf(context, member);
    if (value === undefined || baggage?.getEntry(member)?.value === value) continue;
    baggage = (baggage ?? propagation.createBaggage()).setEntry(member, { value });
    changed = true;
  }
  return changed && baggage !== undefined ? propagation.setBaggage(context, baggage) : context;
}

/** An association property by its name: Traceloop's, Langfuse's, or an attribute of the active span. */
function propertyOf(context: Context, name: string): string | undefined {
  const properties = context.getValue(TRACELOOP) as Record<string, unknown> | undefined;
  const short = name.startsWith(TRACELOOP_PREFIX) ? name.slice(TRACELOOP_PREFIX.length) : name;
  const key = LANGFUSE[name];
  // The API shows no attributes, but the span of an SDK does.
  const attributes = (trace.getSpan(context) as { attributes?: Attributes } | undefined)?.attributes;
  return scalar(properties?.[short]) ?? scalar(key && context.getValue(key)) ?? scalar(attributes?.[name]);
}

function scalar(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
