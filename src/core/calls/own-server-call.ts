import { INVALID_SPAN_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes, Context, Histogram, Span, Tracer } from "@opentelemetry/api";
import { RPCType, getRPCMetadata } from "@opentelemetry/core";
import type { RPCMetadata } from "@opentelemetry/core";
import { RequestContext } from "../context/request-context.ts";
import { ERROR_TYPE, HTTP_RESPONSE_STATUS_CODE } from "../http/attributes.ts";
import { errorType, recordException } from "../http/errors.ts";
import { serverMetricAttributes, serverStartAttributes } from "../http/server-attributes.ts";
import type { ReceivedRequest } from "../http/server-attributes.ts";
import { reportFailure, safeCall } from "../telemetry/diagnostics.ts";
import { now } from "../telemetry/meter.ts";
import type { Admitted } from "./admission.ts";
import { methodInSpanName, recordResponse, recordRoute, setAttribute } from "./server-call.ts";
import type { SentResponse, ServerCall } from "./server-call.ts";
import type { ServerConfig } from "./server-config.ts";

const NO_SPAN: Span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** A request for which this call starts and ends the SERVER span, and records the duration. */
export class OwnServerCall implements ServerCall {
  readonly endsSpan = true;
  readonly context: Context;
  readonly #config: ServerConfig;
  readonly #request: unknown;
  readonly #span: Span | undefined;
  readonly #isRecording: boolean;
  /** Through which inner instrumentation finds the span, and frameworks report the route. */
  readonly #metadata: RPCMetadata;
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
    this.#metadata = { type: RPCType.HTTP, span: this.#span ?? NO_SPAN };
    this.context = new RequestContext(admitted.context, this.#span, this.#metadata, admitted.caller);
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
    if (type !== undefined) this.#recordError(type);
    else if (status !== undefined && status >= 500) this.#recordError(String(status));
    this.#finish(response);
  }

  fail(error: unknown, response: SentResponse): void {
    if (this.#hasEnded) return;
    this.#recordError(errorType(error));
    if (this.#isRecording) safeCall("recording an exception", recordException, this.#span as Span, error, this.#config.sensitive);
    this.#finish(response);
  }

  #recordError(type: string): void {
    this.#attributes[ERROR_TYPE] = type;
    if (!this.#isRecording) return;
    setAttribute(this.#span as Span, ERROR_TYPE, type);
    safeCall("a span", () => this.#span?.setStatus({ code: SpanStatusCode.ERROR }));
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
      this.#span?.end(time);
      const seconds = ((time ?? now()) - this.#startTime) / 1000;
      this.#duration?.record(seconds, serverMetricAttributes(this.#attributes, route, status), this.context);
    } catch (error) {
      reportFailure("ending a span", error);
    }
  }
}

function startServerSpan(tracer: Tracer, attributes: Attributes, { context, links }: Admitted): Span | undefined {
  try {
    return tracer.startSpan(methodInSpanName(attributes), { kind: SpanKind.SERVER, attributes, links }, context);
  } catch (error) {
    reportFailure("the tracer", error);
    return undefined;
  }
}
