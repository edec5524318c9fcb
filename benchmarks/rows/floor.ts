import { ROOT_CONTEXT, SpanKind, context, propagation, trace } from "@opentelemetry/api";
import type { Context, Span, Tracer } from "@opentelemetry/api";
import { PEER, RESPONSE_STATUS } from "../transports/exchange.ts";

// What nobody goes below without leaving OpenTelemetry's public API: the calls for the same span and the same headers, and nothing else.

let tracer: Tracer | undefined;

/** Starts the CLIENT span of a POST to `http://{address}:{port}`, and writes its headers into the carrier. */
export function startClientFloor(url: string, address: string, port: number, carrier: object): Span {
  return startClientFloorWithin(url, address, port, carrier).span;
}

/** The same, for a transport that has to run in the span's context. */
export function startClientFloorWithin(
  url: string,
  address: string,
  port: number,
  carrier: object,
): { readonly span: Span; readonly callContext: Context } {
  tracer ??= trace.getTracer("floor");
  const active = context.active();
  const attributes = { "http.request.method": "POST", "server.address": address, "server.port": port, "url.full": url };
  const span = tracer.startSpan("POST", { kind: SpanKind.CLIENT, attributes }, active);
  const callContext = trace.setSpan(active, span);
  propagation.inject(callContext, carrier);
  return { span, callContext };
}

/** Ends it, after what the response and the connection have told. */
export function endClientFloor(span: Span): void {
  span.setAttribute("network.peer.address", PEER.remoteAddress);
  span.setAttribute("network.peer.port", PEER.remotePort);
  span.setAttribute("network.protocol.version", "1.1");
  span.setAttribute("http.response.status_code", RESPONSE_STATUS);
  span.end();
}

/** Continues the caller's trace in a SERVER span; its handler has to run in the context that is returned. */
export function startServerFloor(path: string, headers: object): { span: Span; serverContext: Context } {
  tracer ??= trace.getTracer("floor");
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  const attributes = {
    "http.request.method": "POST",
    "url.path": path,
    "url.scheme": "http",
    "server.address": "agent.internal",
    "server.port": 8080,
    "client.address": PEER.remoteAddress,
    "network.peer.address": PEER.remoteAddress,
    "network.peer.port": PEER.remotePort,
    "network.protocol.version": "1.1",
    "user_agent.original": "agent/1.0",
  };
  const span = tracer.startSpan("POST", { kind: SpanKind.SERVER, attributes }, parent);
  return { span, serverContext: trace.setSpan(parent, span) };
}

export function endServerFloor(span: Span): void {
  span.setAttribute("http.response.status_code", RESPONSE_STATUS);
  span.end();
}
