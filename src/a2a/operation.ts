import { SpanStatusCode } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { ERROR_TYPE } from "../core/http/attributes.ts";
import { recordException } from "../core/http/errors.ts";
import { safeCall, reportFailure } from "../core/telemetry/diagnostics.ts";
import { now } from "../core/telemetry/meter.ts";
import { A2A_TASK_ID, A2A_TASK_STATE, GEN_AI_CONVERSATION_ID, readResult } from "./attributes.ts";

/** Names a failure: its `error.type`, or undefined for what is none (a cancel), or is told by another layer. */
export type Judge = (error: unknown, operation: Operation) => string | undefined;

/** One A2A call, on either end. Its transitions are idempotent and never throw. */
export class Operation {
  /** What the SDK's method runs in. */
  readonly context: Context;
  /** Whether anything has come back. */
  answered = false;
  readonly #span: Span | undefined;
  readonly #owned: boolean;
  readonly #judge: Judge;
  readonly #told: Record<string, string | undefined> = {};
  #last = 0;
  #ended = false;

  /** @param owned whether the span is this operation's to end; a SERVER span that HTTP has opened is not. */
  constructor(context: Context, span: Span | undefined, owned: boolean, judge: Judge) {
    this.context = context;
    this.#span = span;
    this.#owned = owned;
    this.#judge = judge;
    this.#last = now();
  }

  /** A result came back, or an event of a stream. */
  saw(result: unknown): void {
    this.answered = true;
    this.#last = now();
    if (this.#ended || this.#span?.isRecording() !== true) return;
    const seen = safeCall("reading a result", readResult, result);
    if (seen === undefined) return;
    this.#tell(A2A_TASK_ID, seen.taskId);
    this.#tell(A2A_TASK_STATE, seen.state);
    this.#tell(GEN_AI_CONVERSATION_ID, seen.conversation);
  }

  #tell(name: string, value: string | undefined): void {
    if (value === undefined || this.#told[name] === value) return;
    this.#told[name] = value;
    safeCall("a span", () => this.#span?.setAttribute(name, value));
  }

  fail(error: unknown): void {
    if (this.#ended) return;
    const type = safeCall("judging a failure", this.#judge, error, this);
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

  /** The call is over. */
  end(): void {
    this.#finish(undefined);
  }

  /** Nobody will hear of the call again: it was over when something last came back. */
  abandon(): void {
    this.#finish(this.#last);
  }

  #finish(time: number | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#owned) return;
    try {
      this.#span?.end(time);
    } catch (error) {
      reportFailure("ending a span", error);
    }
  }
}
