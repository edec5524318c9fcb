import { trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import type { Propagation } from "../propagation/propagator.ts";
import { reportFailure } from "../telemetry/diagnostics.ts";
import type { SpanRecording } from "./span-recording.ts";

/**
 * The `traceparent` that a call has injected, if it has the call's own span and so identifies the call; undefined if other calls may send the same. Never
 * throws.
 */
export function ownTraceparent(
  injected: string | undefined,
  { span, isRecording }: SpanRecording,
  parent: Context,
  source: Propagation,
): string | undefined {
  if (injected === undefined || span === undefined) return undefined;
  try {
    if (!isRecording && !hasOwnId(span, parent)) return undefined;
    // Asked once for a propagator: searching a string that was just concatenated flattens it, which takes longer than registering the call.
    source.injectsOwnSpan ??= injected.includes(span.spanContext().spanId);
  } catch (error) {
    reportFailure("a span", error);
    return undefined;
  }
  return source.injectsOwnSpan ? injected : undefined;
}

/** A tracer that records nothing may return the parent's span. */
function hasOwnId(span: Span, parent: Context): boolean {
  return span.spanContext().spanId !== trace.getSpanContext(parent)?.spanId;
}
