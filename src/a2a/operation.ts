import type { Context, Span } from "@opentelemetry/api";
import type { RequestMetadata } from "../core/context/open-server-span.ts";
import { ERROR_TYPE } from "../core/http/attributes.ts";
import { errorStatus, recordException } from "../core/http/errors.ts";
import { DEFAULT_SENSITIVE_QUERY } from "../core/http/redaction.ts";
import { safeCall, reportFailure } from "../core/telemetry/diagnostics.ts";
import { now } from "../core/telemetry/meter.ts";
import { A2A_TASK_ID, A2A_TASK_STATE, GEN_AI_CONVERSATION_ID, readResult } from "./attributes.ts";
import type { Failure } from "./failure.ts";

/** Describes a failure; undefined if it is not an error (a cancellation), or if another layer records it. */
export type ErrorClassifier = (error: unknown, operation: Operation) => Failure | undefined;

interface OperationOptions {
  /** The span that is recorded to, if any. */
  readonly span?: Span | undefined;
  /** Whether the operation ends the span; it does not end a SERVER span of HTTP. Default: false. */
  readonly endsSpan?: boolean;
  /** Default: a failure is not recorded. */
  readonly classifyError?: ErrorClassifier;
  /** Receives `error.type` for the owner of an HTTP SERVER span, which also records it on its metric. */
  readonly metadata?: RequestMetadata | undefined;
}

/** One A2A call, on the client or on the server. The methods are idempotent and never throw. */
export class Operation {
  /** The context that the SDK's method runs in. */
  readonly context: Context;
  /** Whether a result has been received. */
  hasResult = false;
  readonly #span: Span | undefined;
  readonly #endsSpan: boolean;
  readonly #classifyError: ErrorClassifier | undefined;
  readonly #metadata: RequestMetadata | undefined;
  readonly #recorded: Record<string, string | undefined> = {};
  #lastResultTime = now();
  #hasEnded = false;

  constructor(context: Context, { span, endsSpan = false, classifyError, metadata }: OperationOptions = {}) {
    this.#metadata = metadata;
    this.context = context;
    this.#span = span;
    this.#endsSpan = endsSpan;
    this.#classifyError = classifyError;
  }

  /** A result was returned, or an event of a stream. */
  received(result: unknown): void {
    this.hasResult = true;
    this.#lastResultTime = now();
    if (this.#hasEnded || this.#span?.isRecording() !== true) return;
    const fields = safeCall("reading a result", readResult, result);
    if (fields === undefined) return;
    this.#record(A2A_TASK_ID, fields.taskId);
    this.#record(A2A_TASK_STATE, fields.state);
    this.#record(GEN_AI_CONVERSATION_ID, fields.conversation);
  }

  #record(name: string, value: string | undefined): void {
    if (value === undefined || this.#recorded[name] === value) return;
    this.#recorded[name] = value;
    safeCall("a span", () => this.#span?.setAttribute(name, value));
  }

  /** The call failed. */
  fail(error: unknown): void {
    if (this.#hasEnded) return;
    const failure = safeCall("classifying an error", this.#classifyError, error, this);
    if (failure !== undefined) this.#recordFailure(failure);
    this.end();
  }

  #recordFailure({ type, description, exception }: Failure): void {
    if (this.#metadata !== undefined) this.#metadata.errorType = type;
    const span = this.#span;
    if (span?.isRecording() !== true) return;
    safeCall("recording an error", () => {
      span.setAttribute(ERROR_TYPE, type);
      span.setStatus(errorStatus(description));
      if (exception !== undefined) recordException(span, exception, DEFAULT_SENSITIVE_QUERY);
    });
  }

  /** The call is complete. */
  end(): void {
    this.#finish(undefined);
  }

  /** A stream was garbage-collected before its end: the call ended when the last result was received. */
  abandon(): void {
    this.#finish(this.#lastResultTime);
  }

  #finish(time: number | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (!this.#endsSpan) return;
    try {
      this.#span?.end(time);
    } catch (error) {
      reportFailure("ending a span", error);
    }
  }
}
