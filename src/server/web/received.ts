import { trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { Received } from "../../core/server-attributes.ts";
import type { Host } from "./host.ts";

/** Scheme, authority without user info, and the rest without its fragment. */
const PARTS = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#@]*@)?([^/?#]*)([^#]*)/i;

/** What a `Request` says of itself, and its server of it. */
export function receivedOf(request: Request, { peerAddress, peerPort, protocolVersion }: Host): Received {
  const { method, url, headers } = request;
  const [, scheme = "http", host, target = url] = PARTS.exec(url) ?? [];
  return { method, target, scheme, host, headers, peerAddress, peerPort, protocolVersion };
}

/**
 * Whether a request is sent by the handler in whose context it is received (a custom fetch that calls a handler in this process): it
 * carries the span that is active, where one that is passed on to a mounted handler carries its caller's. It is a request of its own.
 */
export function isSentFromWithin(request: Request, active: Context): boolean {
  const span = trace.getSpanContext(active);
  if (span === undefined || span.isRemote === true) return false;
  return request.headers.get("traceparent")?.slice(36, 52) === span.spanId;
}
