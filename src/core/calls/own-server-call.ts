import { INVALID_SPAN_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import type { Attributes, Context, Histogram, Span, Tracer } from "@opentelemetry/api";
import { RPCType, getRPCMetadata } from "@opentelemetry/core";
import type { RequestMetadata } from "../context/open-server-span.ts";
import { RequestContext } from "../context/request-context.ts";
import { A2A_METHOD_NAME } from "../http/a2a-recognition.ts";
import { ERROR_TYPE, HTTP_RESPONSE_STATUS_CODE } from "../http/attributes.ts";
import { errorStatus, errorType, isRecordedException, recordException, statusDescription } from "../http/errors.ts";
import { serverMetricAttributes, serverStartAttributes } from "../http/server-attributes.ts";
import type { ReceivedRequest } from "../http/server-attributes.ts";
import { reportFailure, safeCall } from "../telemetry/diagnostics.ts";
import { endsWithHeaders } from "../telemetry/end-span-on.ts";
import { durationOf, now } from "../telemetry/meter.ts";
import { sharedState } from "../telemetry/shared-state.ts";
import type { Admitted } from "./admission.ts";
import { methodInSpanName, recordResponse, recordRoute, setAttribute } from "./server-call.ts";
import type { SentResponse, ServerCall } from "./server-call.ts";
import type { ServerConfig } from "./server-config.ts";

const NO_SPAN: Span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** A request for which this call starts and ends the SERVER span, and records the duration. */
export class OwnServerCall implements ServerCall {
  readonly endsSpan = true;
  readonly context: Context;
  readonly endsWithHeaders: ServerCall["endsWithHeaders"];
  readonly #config: ServerConfig;
  readonly #request: unknown;
  readonly #span: Span | undefined;
  readonly #isRecording: boolean;
  /** Through which inner instrumentation finds the span, and frameworks report the route. */
  readonly #metadata: RequestMetadata;
  readonly #duration: Histogram | undefined;
  readonly #attributes: Attributes;
  readonly #startTime: number;
  #route: string | undefined;
  #hasEnded = false;

  constructor(config: ServerConfig, received: ReceivedRequest, request: unknown, admitted: Admitted) {
    this.#config = config;
    this.#request = request;
    this.#duration = config.duration();
    const tracer = config.tracer();
    this.#attributes = tracer === undefined && this.#duration === undefined ? {} : serverStartAttributes(config, received);
    this.#startTime = this.#duration === undefined ? 0 : now();
    this.#span = tracer && startServerSpan(tracer, this.#attributes, admitted);
    this.#isRecording = this.#span?.isRecording() === true;
    this.#metadata = { type: RPCType.HTTP, span: this.#span ?? NO_SPAN, attributes: this.#attributes };
    this.context = new RequestContext(admitted.context, this.#span, this.#metadata, admitted.caller);
    this.endsWithHeaders = this.#isRecording || this.#duration !== undefined ? headersDecision(config, request) : undefined;
    if (this.#isRecording) safeCall("requestHook", config.options.requestHook, this.#span as Span, request);
  }

  owns(context: Context): boolean {
    return getRPCMetadata(context) === this.#metadata;
  }

  setRoute(route: string): void {
    this.#route = route;
  }

  end(response: SentResponse): void {
    if (this.#hasEnded) return;
    const { status, errorType: type } = response;
    // A protocol on top of HTTP has recorded its error on the span.
    if (this.#metadata.errorType !== undefined) this.#attributes[ERROR_TYPE] = this.#metadata.errorType;
    else if (type !== undefined) this.#recordError(type);
    else if (status !== undefined && status >= 500) this.#recordError(String(status));
    this.#finish(response);
  }

  fail(error: unknown, response: SentResponse): void {
    if (this.#hasEnded) return;
    const { sensitive } = this.#config;
    this.#recordError(errorType(error), safeCall("reading an error", statusDescription, error, sensitive));
    if (this.#isRecording && !isRecordedException(error)) {
      safeCall("recording an exception", recordException, this.#span as Span, error, sensitive);
    }
    this.#finish(response);
  }

  #recordError(type: string, description?: string): void {
    this.#attributes[ERROR_TYPE] = type;
    if (!this.#isRecording) return;
    setAttribute(this.#span as Span, ERROR_TYPE, type);
    safeCall("a span", () => this.#span?.setStatus(errorStatus(description)));
  }

  #finish(response: SentResponse): void {
    this.#hasEnded = true;
    const { status, time } = response;
    const route = this.#route ?? this.#metadata.route;
    if (this.#isRecording) {
      const span = this.#span as Span;
      if (status !== undefined) setAttribute(span, HTTP_RESPONSE_STATUS_CODE, status);
      if (route !== undefined) recordRoute(span, methodInSpanName(this.#attributes), route);
      recordResponse(this.#config, span, this.#request, response);
    }
    try {
      // Before the span is ended, because its processors can take long.
      const ended = time ?? now();
      this.#span?.end(time);
      const seconds = durationOf(this.#span) ?? (ended - this.#startTime) / 1000;
      this.#duration?.record(seconds, serverMetricAttributes(this.#attributes, route, status), this.context);
    } catch (error) {
      reportFailure("ending a span", error);
    }
  }
}

function headersDecision({ options }: ServerConfig, request: unknown): ServerCall["endsWithHeaders"] {
  const { endSpanOn = "response" } = options;
  return endSpanOn === "response" ? undefined : (response) => endsWithHeaders(endSpanOn, request, response);
}

function startServerSpan(tracer: Tracer, attributes: Attributes, { context, links }: Admitted): Span | undefined {
  const a2aMethod = attributes[A2A_METHOD_NAME] as string | undefined;
  const name = a2aMethod ?? methodInSpanName(attributes);
  try {
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes, links }, context);
    if (a2aMethod !== undefined) sharedState.namedSpans.add(span);
    return span;
  } catch (error) {
    reportFailure("the tracer", error);
    return undefined;
  }
}
