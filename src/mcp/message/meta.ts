import { asFields } from "./message.ts";
import type { Message } from "./message.ts";

// Trace context in `params._meta` of requests and notifications, under the propagator's names (SEP-414, MCP 2026-07-28).

/** The propagation fields in a message's `_meta`, by lower-case name; undefined if it has none. */
export function readMeta({ params }: Message, fields: readonly string[]): Record<string, string> | undefined {
  const meta = asFields(params?._meta);
  if (meta === undefined) return undefined;
  let found: Record<string, string> | undefined;
  for (const field of fields) {
    const value = meta[field] ?? meta[field.toLowerCase()];
    if (typeof value === "string") (found ??= {})[field.toLowerCase()] = value;
  }
  return found;
}

/**
 * A copy of a message with propagation fields in its `_meta`. The message itself is not changed, because its params may be the application's.
 *
 * @param replaced names of fields that are removed.
 */
export function withMeta<T extends Message>(message: T, values: Record<string, string>, replaced: readonly string[]): T {
  const own = asFields(message.params?._meta);
  if (own === undefined) return { ...message, params: { ...message.params, _meta: values } };
  const meta: Record<string, unknown> = { ...own };
  for (const name of replaced) Reflect.deleteProperty(meta, name);
  return { ...message, params: { ...message.params, _meta: Object.assign(meta, values) } };
}

/** A copy of a message without propagation fields in its `_meta`: as the application that sent it has written it. */
export function withoutMeta(message: Message, fields: readonly string[]): Message {
  const { _meta, ...params } = message.params ?? {};
  const meta: Record<string, unknown> = { ...asFields(_meta) };
  for (const field of fields) {
    Reflect.deleteProperty(meta, field);
    Reflect.deleteProperty(meta, field.toLowerCase());
  }
  if (Object.keys(meta).length > 0) return { ...message, params: { ...params, _meta: meta } };
  if (Object.keys(params).length > 0) return { ...message, params };
  const { params: _empty, ...rest } = message;
  return rest;
}
