import type { AttributeValue, Attributes, Context, Span } from "@opentelemetry/api";
import type { OpenServerSpan } from "../context/open-server-span.ts";
import { HTTP_REQUEST_METHOD, HTTP_ROUTE, OTHER_METHOD } from "../http/attributes.ts";
import { headerAttributes } from "../http/recorded-headers.ts";
import { reportFailure, safeCall } from "../telemetry/diagnostics.ts";
import { sharedState } from "../telemetry/shared-state.ts";
import type { ServerConfig } from "./server-config.ts";

/** A received request whose handler runs in a context of its own. The methods are idempotent and never throw. */
export interface ServerCall {
  /** The context that the handler runs in. */
  readonly context: Context;
  /** Whether this call ends the SERVER span; false if other instrumentation started the span and ends it. */
  readonly endsSpan: boolean;
  /**
   * Decides whether the span ends with the headers of a response, which it takes as hooks receive it. To be asked once, when the headers are sent. Undefined if the
   * span never does.
   */
  readonly endsWithHeaders?: ((response: unknown) => boolean) | undefined;
  /** Whether a context is this call's context or derived from it. */
  owns(context: Context): boolean;
  /** The framework matched a route; `route` is its template. */
  setRoute(route: string): void;
  /** The response is complete, or the client left before it was. */
  end(response: SentResponse): void;
  /** The handler threw, or the server broke off the response. */
  fail(error: unknown, response: SentResponse): void;
}

/** What was sent of a response, once nothing more is sent. */
export interface SentResponse {
  /** The status code; undefined if no response headers were sent. */
  readonly status: number | undefined;
  /** Returns the response headers, in any shape that `readHeader` reads. Called only if headers are recorded. */
  readonly headers?: (() => unknown) | undefined;
  /** What `responseHook` receives; without it the hook is not called. */
  readonly response?: unknown;
  /** `error.type` of a failure that no error object describes. */
  readonly errorType?: string | undefined;
  /** When the response ended, in milliseconds of `performance.now()`. Default: now. */
  readonly time?: number | undefined;
}

/** `{method}` of a span's name: the method, or `HTTP` for a method that is not known. */
export function methodInSpanName(attributes: Attributes): string {
  const method = attributes[HTTP_REQUEST_METHOD] as string;
  return method === OTHER_METHOD ? "HTTP" : method;
}

/** Records the route, and renames the span unless a protocol on top of HTTP has named it. */
export function recordRoute(span: Span, method: string, route: string): void {
  setAttribute(span, HTTP_ROUTE, route);
  if (!sharedState.namedSpans.has(span)) safeCall("a span", () => span.updateName(`${method} ${route}`));
}

/** Names a SERVER span by its A2A method, permanently: a route is recorded, but does not rename the span. */
export function nameByA2AMethod({ span, metadata }: OpenServerSpan, method: string): void {
  if (metadata?.route !== undefined) {
    // Otherwise the instrumentation that owns the span names it by its route when the response ends.
    setAttribute(span, HTTP_ROUTE, metadata.route);
    delete metadata.route;
  }
  sharedState.namedSpans.add(span);
  safeCall("a span", () => span.updateName(method));
}

/** Records the response headers that the options name, and calls `responseHook`. */
export function recordResponse(config: ServerConfig, span: Span, request: unknown, { headers, response }: SentResponse): void {
  if (config.responseHeaders.length > 0) {
    const sent = safeCall("reading the response's headers", headers);
    const recorded = headerAttributes(config.responseHeaders, sent, config.sensitive);
    for (const [name, value] of Object.entries(recorded)) setAttribute(span, name, value);
  }
  if (response !== undefined) safeCall("responseHook", config.options.responseHook, span, { request, response });
}

export function setAttribute(span: Span, name: string, value: AttributeValue): void {
  try {
    span.setAttribute(name, value);
  } catch (error) {
    reportFailure("a span", error);
  }
}
