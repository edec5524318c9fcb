import { isSpanContextValid, trace } from "@opentelemetry/api";
import type { Context, Link } from "@opentelemetry/api";
import { acceptedBaggage, withoutCallersTrace } from "../core/propagation/accepted-context.ts";
import { extract } from "../core/propagation/propagator.ts";
import type { McpConfig } from "./config.ts";
import type { Message } from "./message/message.ts";
import { readMeta } from "./message/meta.ts";

/** What the options `incoming` and `acceptBaggage` admit of the context in a received message. */
interface AdmittedSender {
  /** The parent of the SERVER span, with the accepted baggage. */
  readonly context: Context;
  readonly links: Link[];
}

/**
 * Admits the context of a message's sender on top of `base`, the active context.
 *
 * The parent is the sender's span, with a link to the active one, which over HTTP is the span of the request that carried the message. Without a trace
 * in the message, the parent is the active span.
 */
export function admitSender(config: McpConfig, message: Message, base: Context): AdmittedSender {
  const source = config.propagation();
  const carried = source && readMeta(message, source.fields);
  if (source === undefined || carried === undefined) return { context: base, links: [] };
  const { incoming = "parent", acceptBaggage } = config.options;
  const extracted = extract(source, carried, base);
  const context = acceptedBaggage(extracted, base, acceptBaggage);
  const active = trace.getSpanContext(base);
  const sender = trace.getSpanContext(extracted);
  if (sender === undefined || sender === active) return { context, links: [] };
  if (incoming !== "parent") {
    return { context: withoutCallersTrace(context, base), links: incoming === "link" ? [{ context: sender }] : [] };
  }
  // In memory, the sender's span may be the active one.
  const isLinked = active !== undefined && isSpanContextValid(active) && active.spanId !== sender.spanId;
  return { context, links: isLinked ? [{ context: active }] : [] };
}
