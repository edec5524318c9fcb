import type { AttributeValue, Attributes, Context, Histogram, Span } from "@opentelemetry/api";
import {
  ERROR_TYPE,
  HTTP_RESPONSE_STATUS_CODE,
  NETWORK_PEER_ADDRESS,
  NETWORK_PEER_PORT,
  NETWORK_PROTOCOL_VERSION,
  SERVER_ADDRESS,
  SERVER_PORT,
  URL_FULL,
} from "../http/attributes.ts";
import { clientMetricAttributes } from "../http/client-attributes.ts";
import { errorStatus, errorType, isCancellation, recordException, statusDescription } from "../http/errors.ts";
import { headerAttributes } from "../http/recorded-headers.ts";
import type { Target } from "../http/target.ts";
import { reportFailure, safeCall } from "../telemetry/diagnostics.ts";
import { durationOf, now } from "../telemetry/meter.ts";
import type { ClientConfig } from "./client-config.ts";

/** What is recorded of one outbound attempt: its span and its duration. */
export class SpanRecording {
  readonly span: Span | undefined;
  target: Target;
  status: number | undefined = undefined;
  /** Error statuses that are no errors, because a protocol above HTTP expects them. */
  expectedStatuses: readonly number[] | undefined = undefined;
  readonly config: ClientConfig;
  readonly isRecording: boolean;
  /** The attributes of the metric that the option `metricAttributes` adds. */
  metricAttributes: Attributes | undefined = undefined;
  readonly #duration: Histogram | undefined;
  readonly #start: number;
  #errorType: string | undefined = undefined;
  #protocolVersion: string | undefined = undefined;

  constructor(config: ClientConfig, target: Target, span: Span | undefined, duration: Histogram | undefined) {
    this.config = config;
    this.target = target;
    this.span = span;
    this.#duration = duration;
    this.isRecording = span?.isRecording() === true;
    this.#start = duration === undefined ? 0 : now();
  }

  /** Whether anything is recorded: if not, the adapter need not report the response. */
  get isActive(): boolean {
    return this.isRecording || this.#duration !== undefined;
  }

  setTarget(target: Target): void {
    this.target = target;
    if (!this.isRecording) return;
    const { address, port } = target.origin;
    this.#set(URL_FULL, target.recordedUrl);
    if (address !== "") this.#set(SERVER_ADDRESS, address);
    if (port !== undefined) this.#set(SERVER_PORT, port);
  }

  setConnection(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void {
    this.#protocolVersion = protocolVersion;
    if (!this.isRecording) return;
    if (address !== undefined) this.#set(NETWORK_PEER_ADDRESS, address);
    if (port !== undefined) this.#set(NETWORK_PEER_PORT, port);
    if (protocolVersion !== undefined) this.#set(NETWORK_PROTOCOL_VERSION, protocolVersion);
  }

  setResponse(status: number, headers: unknown): void {
    this.status = status;
    const isError = status >= 400 && this.expectedStatuses?.includes(status) !== true;
    this.#errorType = isError ? String(status) : undefined;
    if (!this.isRecording) return;
    this.#set(HTTP_RESPONSE_STATUS_CODE, status);
    if (this.#errorType !== undefined) this.#setError(this.#errorType);
    const { responseHeaders, sensitive } = this.config;
    if (responseHeaders.length === 0) return;
    const recorded = headerAttributes(responseHeaders, headers, sensitive);
    for (const [attribute, value] of Object.entries(recorded)) this.#set(attribute, value);
  }

  /** Records a failure. A cancellation by the application is not an error; an error status that was recorded before stays the error. */
  setFailure(error: unknown, signal: AbortSignal | null | undefined): void {
    if (isCancellation(error, signal) || this.#errorType !== undefined) return;
    this.#errorType = errorType(error, signal);
    if (!this.isRecording) return;
    this.#setError(this.#errorType, safeCall("reading an error", statusDescription, error, this.config.sensitive));
    safeCall("recording an exception", () => recordException(this.span as Span, error, this.config.sensitive));
  }

  /** @param time of the end in milliseconds of `performance.now()`; default: now. */
  end(time: number | undefined, context: Context): void {
    try {
      // Before the span is ended, because its processors can take long.
      const ended = this.#duration === undefined ? 0 : (time ?? now());
      if (this.isRecording) this.span?.end(time);
      if (this.#duration === undefined) return;
      const attributes = clientMetricAttributes(this.target, this.status, this.#errorType, this.#protocolVersion);
      Object.assign(attributes, this.metricAttributes);
      this.#duration.record(durationOf(this.span) ?? (ended - this.#start) / 1000, attributes, context);
    } catch (error) {
      reportFailure("ending a span", error);
    }
  }

  #set(name: string, value: AttributeValue): void {
    try {
      this.span?.setAttribute(name, value);
    } catch (error) {
      reportFailure("a span", error);
    }
  }

  /** @param description of an exception; undefined for an error status, which describes itself. */
  #setError(type: string, description?: string): void {
    this.#set(ERROR_TYPE, type);
    safeCall("a span", () => this.span?.setStatus(errorStatus(description)));
  }
}
