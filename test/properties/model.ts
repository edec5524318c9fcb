import { ROOT_CONTEXT, baggageEntryMetadataFromString, createTraceState, propagation, trace } from "@opentelemetry/api";
import type { Attributes, Baggage, BaggageEntry, Context } from "@opentelemetry/api";
import { spanId, traceId } from "./deterministic-telemetry.ts";

// A simple and slow model of what the library must do. It shares no code with the library and has no caches, shortcuts or regular expressions.

export interface Trace {
  traceId: string;
  spanId: string;
  /** Bit 0: sampled; bit 1: random (Trace Context level 2). */
  flags: number;
  state: [key: string, value: string][];
}

export interface Member {
  key: string;
  value: string;
  metadata: string | undefined;
}

/** Trace context and baggage: of the active context, or of headers that the caller set. */
export interface Carried {
  trace: Trace | undefined;
  baggage: Member[];
}

/** The context in which a request is made. */
export function contextWith({ trace: given, baggage }: Carried): Context {
  let context = ROOT_CONTEXT;
  if (given !== undefined) {
    const { flags: traceFlags, state, ...ids } = given;
    const traceState = createTraceState(listOf(state));
    context = trace.setSpanContext(context, { ...ids, traceFlags, isRemote: true, ...(state.length > 0 && { traceState }) });
  }
  return baggage.length === 0 ? context : propagation.setBaggage(context, baggageWith(baggage));
}

function baggageWith(members: readonly Member[]): Baggage {
  const entries = members.map(({ key, value, metadata }): [string, BaggageEntry] => [
    key,
    metadata === undefined ? { value } : { value, metadata: baggageEntryMetadataFromString(metadata) },
  ]);
  return propagation.createBaggage(Object.fromEntries(entries));
}

/** The headers that carry it, as a caller would write them. */
export function headersOf({ trace: given, baggage }: Carried): [name: string, value: string][] {
  const headers: [string, string][] = [];
  if (given !== undefined) headers.push(["traceparent", traceparentOf(given)]);
  if (given !== undefined && given.state.length > 0) headers.push(["tracestate", listOf(given.state)]);
  if (baggage.length > 0) headers.push(["baggage", baggage.map(memberText).join(",")]);
  return headers;
}

const listOf = (members: readonly [string, string][]): string => members.map(([key, value]) => `${key}=${value}`).join(",");
const traceparentOf = (given: Trace): string => `00-${given.traceId}-${given.spanId}-0${given.flags}`;
const memberText = ({ key, value, metadata }: Member): string =>
  `${key}=${encodeURIComponent(value)}${metadata === undefined ? "" : `;${metadata}`}`;

/** The propagation headers of a request and the parent of its span. The span is the first one that the run starts. */
export interface Propagated {
  traceparent: string;
  tracestate: string | undefined;
  /** The members, sorted, since their order does not matter. */
  baggage: string[];
  sampled: boolean;
  id: string;
  parent: string | undefined;
}

export function propagated(active: Carried, byHand: Carried): Propagated {
  const parent = active.trace ?? byHand.trace;
  // The random flag belongs to the trace. Spans of the SDK do not have it.
  const random = active.trace === undefined && byHand.trace !== undefined ? byHand.trace.flags & 2 : 0;
  const sampled = parent === undefined || (parent.flags & 1) === 1;
  const own = { traceId: parent?.traceId ?? traceId(1), spanId: spanId(1), flags: (sampled ? 1 : 0) | random, state: [] };
  const members = new Map<string, string>();
  for (const member of [...byHand.baggage, ...active.baggage]) members.set(member.key, memberText(member));
  return {
    traceparent: traceparentOf(own),
    tracestate: parent === undefined || parent.state.length === 0 ? undefined : listOf(parent.state),
    baggage: [...members.values()].toSorted(),
    sampled,
    id: `${own.traceId}-${own.spanId}`,
    parent: parent && `${parent.traceId}-${parent.spanId} remote`,
  };
}

/** `server.address` and `server.port` of a URL, by the URL standard. */
export function serverOf(url: string): Attributes {
  const attributes: Attributes = {};
  if (!URL.canParse(url)) return attributes;
  const { protocol, hostname, port } = new URL(url);
  const known = protocol === "http:" || protocol === "ws:" ? 80 : protocol === "https:" || protocol === "wss:" ? 443 : undefined;
  const number = port === "" ? known : Number(port);
  if (hostname !== "") attributes["server.address"] = hostname.split("[").join("").split("]").join("");
  if (number !== undefined) attributes["server.port"] = number;
  return attributes;
}

export const SENSITIVE: string[] = [
  "X-Amz-Signature",
  "X-Amz-Credential",
  "X-Amz-Security-Token",
  "AWSAccessKeyId",
  "Signature",
  "sig",
  "X-Goog-Signature",
];

/** `url.full` of a URL: without user info, also in URLs within it, and without values of sensitive keys; the rest byte for byte. */
export function redacted(url: string, sensitive: readonly string[] = SENSITIVE): string {
  return redactedQuery(withoutUserInfo(url), sensitive);
}

function withoutUserInfo(url: string): string {
  let shown = "";
  let rest = url;
  const first = until(rest, "/\\?#");
  if (first.includes("@")) {
    shown = "REDACTED:REDACTED@";
    rest = rest.slice(first.lastIndexOf("@") + 1);
  }
  while (rest !== "") {
    const isSlash = rest[0] === "/" || rest[0] === "\\";
    const two = isSlash && (rest[1] === "/" || rest[1] === "\\");
    if (!two) {
      shown += rest[0];
      rest = rest.slice(1);
      continue;
    }
    const authority = until(rest.slice(2), "/\\?#");
    shown += authority.includes("@") ? `${rest.slice(0, 2)}REDACTED:REDACTED@` : rest[0];
    rest = authority.includes("@") ? rest.slice(2 + authority.lastIndexOf("@") + 1) : rest.slice(1);
  }
  return shown;
}

/** A query, or a URL, without the values of sensitive keys. */
export function redactedQuery(query: string, sensitive: readonly string[] = SENSITIVE): string {
  let shown = "";
  let rest = query;
  let atKey = true;
  while (rest !== "") {
    const key = atKey ? sensitive.find((name) => rest.startsWith(`${name}=`)) : undefined;
    if (key !== undefined) {
      shown += `${key}=REDACTED`;
      rest = rest.slice(key.length + 1);
      rest = rest.slice(until(rest, "&#").length);
      atKey = false;
      continue;
    }
    atKey = rest[0] === "?" || rest[0] === "&";
    shown += rest[0];
    rest = rest.slice(1);
  }
  return shown;
}

/** The text before the first of the given characters; a space among them stands for any white space. */
function until(text: string, ends: string): string {
  const isEnd = (char: string): boolean => ends.includes(char) || (ends.includes(" ") && char.trim() === "");
  let length = 0;
  while (length < text.length && !isEnd(text[length] as string)) length++;
  return text.slice(0, length);
}
