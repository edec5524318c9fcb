import { SpanStatusCode } from "@opentelemetry/api";
import type { AttributeValue, Attributes, Context, Histogram, Span } from "@opentelemetry/api";
import { ERROR_TYPE } from "../core/http/attributes.ts";
import { errorType, isError, recordException } from "../core/http/errors.ts";
import { redactUrlsInText } from "../core/http/redaction.ts";
import { reportFailure, safeCall } from "../core/telemetry/diagnostics.ts";
import { now } from "../core/telemetry/meter.ts";
import { GEN_AI_TOOL_CALL_RESULT, RPC_RESPONSE_STATUS_CODE, TOOLS_CALL, metricAttributes, toJson } from "./message/attributes.ts";
import { asFields, asText } from "./message/message.ts";
import type { Message } from "./message/message.ts";

// A receiver answers these codes to requests that it cannot serve, which is an error of the sender alone.
const ERRORS_OF_THE_SENDER = new Set(["-32700", "-32600", "-32601", "-32602", "-32002"]);

export interface OperationStart {
  readonly role: "sender" | "receiver";
  readonly method: string;
  /** Whether a response is expected; otherwise it is a notification. */
  readonly isRequest: boolean;
  /** The context that the message is sent or handled in. */
  readonly context: Context;
  readonly attributes: Attributes;
  readonly span: Span | undefined;
  /** Whether the operation ends the span; it does not end that of a GenAI instrumentation. */
  readonly endsSpan: boolean;
  readonly duration: Histogram | undefined;
  readonly recordsResult: boolean;
}

/** A request or notification, as its sender or its receiver sees it. All but the first end are ignored; nothing throws. */
export class Operation {
  readonly context: Context;
  readonly method: string;
  readonly isRequest: boolean;
  hasEnded = false;
  /** Whether a method of the wrapped object reports why the request has failed (`caller.ts`). */
  isFollowed = false;
  readonly #start: OperationStart;
  readonly #span: Span | undefined;
  readonly #startTime: number;
  readonly #later: Attributes = {};

  constructor(start: OperationStart) {
    this.#start = start;
    this.context = start.context;
    this.method = start.method;
    this.isRequest = start.isRequest;
    this.#span = start.span?.isRecording() === true ? start.span : undefined;
    this.#startTime = start.duration === undefined ? 0 : now();
  }

  /** Records an attribute that is known only now. */
  set(name: string, value: AttributeValue): void {
    if (this.hasEnded) return;
    this.#later[name] = value;
    safeCall("a span", () => this.#span?.setAttribute(name, value));
  }

  /** The response was received or is sent. */
  respond({ error, result }: Message): void {
    if (this.hasEnded) return;
    if (error !== undefined) {
      const code = String(error.code);
      this.set(RPC_RESPONSE_STATUS_CODE, code);
      if (this.#start.role === "sender" || !ERRORS_OF_THE_SENDER.has(code)) this.#setError(code, asText(error.message));
    } else if (this.method === TOOLS_CALL) this.#recordToolResult(result);
    this.end();
  }

  #recordToolResult(result: unknown): void {
    if (this.#start.recordsResult) this.#setOnSpan(GEN_AI_TOOL_CALL_RESULT, toJson(result));
    if (asFields(result)?.["isError"] === true) this.#setError("tool_error", undefined);
  }

  /** The operation failed without a response. An abort by the application is not an error, a timeout is. */
  fail(error: unknown, signal?: AbortSignal): void {
    if (this.hasEnded) return;
    safeCall("recording a failure", () => {
      if (signal?.aborted === true && !isTimeout(signal.reason)) return;
      const code = asFields(error)?.["code"];
      const type = Number.isSafeInteger(code) ? String(code) : errorType(error, signal);
      this.#setError(type, isError(error) ? asText(error.message) : undefined);
      if (this.#span !== undefined) recordException(this.#span, error, undefined);
    });
    this.end();
  }

  /** The operation failed for a reason of which only a text is known. */
  failAs(type: string, message: string | undefined): void {
    if (this.hasEnded) return;
    this.#setError(type, message);
    this.end();
  }

  /** The operation is complete, or was cancelled. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const { attributes, duration, endsSpan } = this.#start;
    try {
      if (endsSpan) this.#span?.end();
      duration?.record((now() - this.#startTime) / 1000, metricAttributes({ ...attributes, ...this.#later }), this.context);
    } catch (error) {
      reportFailure("ending a span", error);
    }
  }

  #setError(type: string, message: string | undefined): void {
    this.set(ERROR_TYPE, type);
    const status = { code: SpanStatusCode.ERROR, ...(message !== undefined && { message: redactUrlsInText(message, undefined) }) };
    safeCall("a span", () => this.#span?.setStatus(status));
  }

  #setOnSpan(name: string, value: string | undefined): void {
    if (value !== undefined) safeCall("a span", () => this.#span?.setAttribute(name, value));
  }
}

function isTimeout(reason: unknown): boolean {
  return asFields(reason)?.["name"] === "TimeoutError";
}
