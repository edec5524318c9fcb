import type { TraceState } from "@opentelemetry/api";

// Trace Context level 2, section 3.3.1.3: stricter grammars of level 1 would lose the members of newer vendors.
const KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MEMBERS = 32;

/**
 * The `tracestate` of a header, or undefined where it is not valid: one bad member, or one too many, and nothing of it is passed on
 * (section 3.3.1.1: vendors discard what they cannot parse).
 */
export function parseTraceState(header: string): TraceState | undefined {
  const members = new Map<string, string>();
  for (const part of header.split(",")) {
    const member = part.trim();
    if (member === "") continue; // empty members are allowed
    const equals = member.indexOf("=");
    const key = member.slice(0, equals);
    const value = member.slice(equals + 1);
    if (equals === -1 || !KEY.test(key) || !VALUE.test(value)) return undefined;
    if (!members.has(key)) members.set(key, value);
    if (members.size > MEMBERS) return undefined;
  }
  return members.size === 0 ? undefined : traceState(members);
}

/** An immutable list of members, the newest first. */
function traceState(members: ReadonlyMap<string, string>): TraceState {
  const without = (key: string): [string, string][] => [...members].filter(([name]) => name !== key);
  return {
    get: (key) => members.get(key),
    set: (key, value) =>
      KEY.test(key) && VALUE.test(value) ? traceState(new Map([[key, value], ...without(key)])) : traceState(members),
    unset: (key) => traceState(new Map(without(key))),
    serialize: () =>
      [...members]
        .slice(0, MEMBERS)
        .map(([key, value]) => `${key}=${value}`)
        .join(","),
  };
}
