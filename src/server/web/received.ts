import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { RPCType, getRPCMetadata, setRPCMetadata } from "@opentelemetry/core";
import { readHeaders } from "../../core/propagation/carrier.ts";
import type { Received } from "../../core/http/server-attributes.ts";
import type { Host } from "./host.ts";

/** Scheme, authority without user info, and the rest without its fragment. */
const PARTS = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#@]*@)?([^/?#]*)([^#]*)/i;

/** What a `Request` says of itself, and its server of it. */
export function receivedOf(request: Request, { peerAddress, peerPort, protocolVersion }: Host): Received {
  const { method, url, headers } = request;
  const [, scheme = "http", host, target = url] = PARTS.exec(url) ?? [];
  const userAgent = headers.get("user-agent") ?? undefined;
  const carried: Received["carried"] = (names) => readHeaders(headers, names);
  return { method, target, scheme, host, headers, userAgent, peerAddress, peerPort, protocolVersion, carried };
}

/**
 * The context that is looked at for a SERVER span of the request's own.
 *
 * A request may be sent by the handler in whose context it is received (a custom fetch that calls a handler in this process): it then carries
 * the span that is active, where one that is passed on to a mounted handler carries its caller's. It is a request of its own.
 */
export function contextOfRequest(request: Request, host: Host, active: Context): Context {
  const span = trace.getSpan(active);
  if (span === undefined) return active;
  const { isRemote, spanId } = span.spanContext();
  if (isRemote !== true && request.headers.get("traceparent")?.slice(36, 52) === spanId) return ROOT_CONTEXT;
  // Deno's span tells no kind, so it is made known as other instrumentation makes known its own.
  const isDenos = host.isDeno === true && !("kind" in span) && span.isRecording() && getRPCMetadata(active) === undefined;
  return isDenos ? setRPCMetadata(active, { type: RPCType.HTTP, span }) : active;
}
