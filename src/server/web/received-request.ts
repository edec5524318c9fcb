import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { RPCType, getRPCMetadata, setRPCMetadata } from "@opentelemetry/core";
import type { ReceivedRequest } from "../../core/http/server-attributes.ts";
import { readHeaders } from "../../core/propagation/carrier.ts";
import type { Host } from "./host.ts";

// The scheme, the authority without user info, and the rest without the fragment.
const URL_PARTS = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#@]*@)?([^/?#]*)([^#]*)/i;

/** Reads a `Request`, with what its server knows of the connection. */
export function readRequest(request: Request, { peerAddress, peerPort, protocolVersion }: Host): ReceivedRequest {
  const { method, url, headers } = request;
  const [, scheme = "http", host, target = url] = URL_PARTS.exec(url) ?? [];
  return {
    method,
    target,
    scheme,
    host,
    headers,
    userAgent: headers.get("user-agent") ?? undefined,
    peerAddress,
    peerPort,
    protocolVersion,
    readHeaders: (names) => readHeaders(headers, names),
  };
}

/**
 * The context in which the request's own SERVER span may be open.
 *
 * A handler may dispatch a request inside the process, for example with a custom fetch; the new request is received in the handler's context.
 * It is recognised by its `traceparent`, which names the active span, whereas a request that is passed on to a mounted handler still names
 * its caller's span.
 */
export function contextOfRequest(request: Request, host: Host, active: Context): Context {
  const span = trace.getSpan(active);
  if (span === undefined) return active;
  const { isRemote, spanId } = span.spanContext();
  if (isRemote !== true && request.headers.get("traceparent")?.slice(36, 52) === spanId) return ROOT_CONTEXT;
  // Deno's SERVER span has no `kind`, so that it is found by RPC metadata, as the spans of other instrumentation are.
  const isDenoSpan = host.isDeno === true && !("kind" in span) && span.isRecording() && getRPCMetadata(active) === undefined;
  return isDenoSpan ? setRPCMetadata(active, { type: RPCType.HTTP, span }) : active;
}
