import { createContextKey } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { hasEnded } from "../context/open-server-span.ts";
import type { OpenServerSpan } from "../context/open-server-span.ts";
import { A2A_METHOD_NAME } from "../http/a2a-recognition.ts";
import { HTTP_REQUEST_METHOD } from "../http/attributes.ts";
import { recogniseA2AMethod, requestHeaderAttributes, semanticMethod } from "../http/server-attributes.ts";
import type { ReceivedRequest } from "../http/server-attributes.ts";
import { safeCall } from "../telemetry/diagnostics.ts";
import { sharedState } from "../telemetry/shared-state.ts";
import { restrictAdmitted } from "./admission.ts";
import { methodInSpanName, nameByA2AMethod, recordResponse, recordRoute, setAttribute } from "./server-call.ts";
import type { SentResponse, ServerCall } from "./server-call.ts";
import type { ServerConfig } from "./server-config.ts";

const ENRICHED_CALL = createContextKey("a2a-otel.enriched-call");

/** A request whose SERVER span was started, and will be ended, by other instrumentation or by an outer middleware of this package. */
export class EnrichedServerCall implements ServerCall {
  readonly endsSpan = false;
  readonly context: Context;
  readonly #config: ServerConfig;
  readonly #request: unknown;
  readonly #open: OpenServerSpan;
  readonly #method: string;
  readonly #isRestricted: boolean;
  #hasEnded = false;

  constructor(config: ServerConfig, received: ReceivedRequest, request: unknown, active: Context, open: OpenServerSpan) {
    this.#config = config;
    this.#request = request;
    this.#open = open;
    this.#method = methodInSpanName({ [HTTP_REQUEST_METHOD]: semanticMethod(config, received.method) });
    const restricted = restrictAdmitted(config, received, request, active);
    this.#isRestricted = restricted !== active;
    this.context = this.#isRestricted ? restricted.setValue(ENRICHED_CALL, this) : active;
    for (const [name, value] of Object.entries(requestHeaderAttributes(config, received))) {
      setAttribute(open.span, name, value);
    }
    const a2aMethod = recogniseA2AMethod(config, received);
    if (a2aMethod !== undefined) {
      setAttribute(open.span, A2A_METHOD_NAME, a2aMethod);
      nameByA2AMethod(open, a2aMethod);
    }
    safeCall("requestHook", config.options.requestHook, open.span, request);
  }

  // The instrumentation that started the span runs the listeners of the request in `active`; only a restricted context is this call's own.
  owns(context: Context): boolean {
    return !this.#isRestricted || context.getValue(ENRICHED_CALL) === this;
  }

  setRoute(route: string): void {
    const { span, metadata } = this.#open;
    if (this.#hasEnded || hasEnded(span)) return;
    // The instrumentation that owns the span names it by this route when the response ends.
    if (metadata !== undefined && !sharedState.namedSpans.has(span)) metadata.route = route;
    recordRoute(span, this.#method, route);
  }

  end(response: SentResponse): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (!hasEnded(this.#open.span)) recordResponse(this.#config, this.#open.span, this.#request, response);
  }

  // The instrumentation that owns the span records the failure.
  fail(_error: unknown, response: SentResponse): void {
    this.end(response);
  }
}
