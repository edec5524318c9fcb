import { SpanStatusCode } from "@opentelemetry/api";
import { hrTimeToMilliseconds } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { TestTelemetry } from "./telemetry.ts";

/** What a CLIENT span says about how its exchange ended. */
export interface Outcome {
  status: SpanStatusCode;
  errorType: unknown;
  statusCode: unknown;
  exceptions: number;
}

export function outcomeOf(span: ReadableSpan): Outcome {
  return {
    status: span.status.code,
    errorType: span.attributes["error.type"],
    statusCode: span.attributes["http.response.status_code"],
    exceptions: span.events.filter(({ name }) => name === "exception").length,
  };
}

/** Waits for the only span of a2a-otel, and returns its outcome. */
export async function onlyOutcome(telemetry: TestTelemetry): Promise<Outcome> {
  const [span] = await telemetry.ended(1);
  await telemetry.settled();
  return outcomeOf(span as ReadableSpan);
}

export const succeeded = (statusCode = 200): Outcome => ({
  status: SpanStatusCode.UNSET,
  errorType: undefined,
  statusCode,
  exceptions: 0,
});

/** A cancelled exchange has no error. @param statusCode undefined: it was cancelled before the headers of the response arrived. */
export const cancelled = (statusCode?: number): Outcome => ({ ...succeeded(), statusCode });

export const failed = (errorType: string, statusCode?: number): Outcome => ({
  status: SpanStatusCode.ERROR,
  errorType,
  statusCode,
  exceptions: 1,
});

/** The status code alone is the error: no exception is recorded. */
export const failedByStatus = (statusCode: number): Outcome => ({ ...failed(String(statusCode), statusCode), exceptions: 0 });

export function millisecondsOf({ duration: [seconds, nanoseconds] }: ReadableSpan): number {
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Now, on the clock of the spans. */
export const now = (): number => performance.timeOrigin + performance.now();

// The clock of the spans is read anew for each root span, to a millisecond.
const CLOCK_TOLERANCE_MS = 50;

/** Whether a span ended before a point in time that {@link now} gave. */
export function endedBefore(span: ReadableSpan, time: number): boolean {
  return hrTimeToMilliseconds(span.endTime) < time + CLOCK_TOLERANCE_MS;
}
