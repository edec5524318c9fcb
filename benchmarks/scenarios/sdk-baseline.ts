import { ROOT_CONTEXT, SpanKind, context, metrics, propagation, trace } from "@opentelemetry/api";
import type { Context, Histogram, Span, Tracer } from "@opentelemetry/api";
import { PEER, RESPONSE_STATUS } from "../stub-transports/exchange.ts";
import type { Destination } from "../stub-transports/exchange.ts";

// The SDK baseline: the calls of OpenTelemetry's public API that make the same span and the same headers as this library, and nothing else.

let tracer: Tracer | undefined;

/** Starts the CLIENT span of a POST request and injects its headers into the carrier. */
export function startClientSpan(destination: Destination, carrier: object): Span {
  return startClientSpanWithContext(destination, carrier).span;
}

/** The same, for a transport that has to run in the span's context. */
export function startClientSpanWithContext(
  { url, address, port }: Destination,
  carrier: object,
): { readonly span: Span; readonly callContext: Context } {
  tracer ??= trace.getTracer("sdk-baseline");
  const active = context.active();
  const attributes = { "http.request.method": "POST", "server.address": address, "server.port": port, "url.full": url };
  const span = tracer.startSpan("POST", { kind: SpanKind.CLIENT, attributes }, active);
  const callContext = trace.setSpan(active, span);
  propagation.inject(callContext, carrier);
  return { span, callContext };
}

/** Sets the attributes of the connection and of the response, and ends the span. */
export function endClientSpan(span: Span): void {
  span.setAttribute("network.peer.address", PEER.remoteAddress);
  span.setAttribute("network.peer.port", PEER.remotePort);
  span.setAttribute("network.protocol.version", "1.1");
  span.setAttribute("http.response.status_code", RESPONSE_STATUS);
  span.end();
}

const BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
let duration: Histogram | undefined;

/** Records `http.client.request.duration` with the attributes, the boundaries and the context that the library uses. */
export function recordClientDuration({ address, port }: Destination, startTime: number, callContext: Context): void {
  const options = { unit: "s", advice: { explicitBucketBoundaries: BOUNDARIES } };
  duration ??= metrics.getMeter("sdk-baseline").createHistogram("http.client.request.duration", options);
  const attributes = {
    "http.request.method": "POST",
    "server.address": address,
    "server.port": port,
    "http.response.status_code": RESPONSE_STATUS,
    "network.protocol.version": "1.1",
  };
  duration.record((performance.now() - startTime) / 1000, attributes, callContext);
}

/** Continues the caller's trace in a SERVER span. The request handler has to run in the returned context. */
export function startServerSpan(path: string, headers: object): { readonly span: Span; readonly serverContext: Context } {
  tracer ??= trace.getTracer("sdk-baseline");
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

export function endServerSpan(span: Span): void {
  span.setAttribute("http.response.status_code", RESPONSE_STATUS);
  span.end();
}
