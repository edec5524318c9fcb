import { SpanStatusCode } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { ERROR_TYPE } from "../core/http/attributes.ts";
import { recordException } from "../core/http/errors.ts";
import { safeCall, reportFailure } from "../core/telemetry/diagnostics.ts";
import { now } from "../core/telemetry/meter.ts";
import { A2A_TASK_ID, A2A_TASK_STATE, GEN_AI_CONVERSATION_ID, readResult } from "./attributes.ts";

/** Returns `error.type` of a failure; undefined if it is not an error (a cancellation), or if another layer records it. */
export type ErrorClassifier = (error: unknown, operation: Operation) => string | undefined;

interface OperationOptions {
  /** The span that is recorded to, if any. */
  readonly span?: Span | undefined;
  /** Whether the operation ends the span; it does not end a SERVER span of HTTP. Default: false. */
  readonly endsSpan?: boolean;
  /** Default: a failure is not recorded. */
  readonly classifyError?: ErrorClassifier;
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
  readonly #recorded: Record<string, string | undefined> = {};
  #lastResultTime = now();
  #hasEnded = false;

  constructor(context: Context, { span, endsSpan = false, classifyError }: OperationOptions = {}) {
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
    const type = safeCall("classifying an error", this.#classifyError, error, this);
    const span = this.#span;
    if (type !== undefined && span?.isRecording() === true) {
      safeCall("recording an exception", () => {
        span.setAttribute(ERROR_TYPE, type);
        span.setStatus({ code: SpanStatusCode.ERROR });
        recordException(span, error, undefined);
      });
    }
    this.end();
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
