import { trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { activeCalls } from "./core/calls/active-calls.ts";
import { isProcessInstrumented } from "./core/telemetry/global-instrumentation.ts";
import { propagationSource } from "./core/propagation/propagator.ts";
import { redactMessage } from "./core/http/redaction.ts";
import { propagationStatus } from "./core/telemetry/propagation-status.ts";
import type { PropagationSetup } from "./core/telemetry/propagation-status.ts";
import { VERSION } from "./core/telemetry/version.ts";
import { sharedState } from "./core/telemetry/shared-state.ts";

export type { PropagationSetup } from "./core/telemetry/propagation-status.ts";

/** An outbound call that has not ended. */
export interface DiagnosticCall {
  /** The `traceparent` that the call has sent; undefined if it has sent none. */
  readonly traceparent: string | undefined;
  /** The call's CLIENT span; undefined if the call has none. */
  readonly span: Span | undefined;
}

/** The state of a2a-otel in this process, as {@link getDiagnostics} returns it. */
export interface Diagnostics {
  /** The version of a2a-otel. */
  readonly version: string;
  /** What is registered in OpenTelemetry's API, as `setupPropagation()` returns it. */
  readonly propagation: PropagationSetup;
  /**
   * The names of the headers that clients and servers without a `propagator` option use: those of the global propagator, or of the default
   * one if none is registered. Empty with `OTEL_PROPAGATORS=none` and no registered propagator.
   */
  readonly fields: readonly string[];
  /** Whether the global `fetch` is instrumented by a2a-otel. */
  readonly isFetchInstrumented: boolean;
  /** Whether the process is instrumented by `instrumentNode()`, `nodeInstrumentation()` or `a2a-otel/register`. */
  readonly isNodeInstrumented: boolean;
  /** The number of subscribers to the channel `undici:request:create` that are not part of a2a-otel. */
  readonly otherUndiciSubscribers: number;
  /** The outbound calls in progress. */
  readonly activeCalls: readonly DiagnosticCall[];
}

/**
 * Reads the state of a2a-otel in this process, including that of other copies of the package. It changes nothing.
 *
 * This function is for tooling such as `a2a-otel-cli`. Applications do not need it.
 */
export function getDiagnostics(): Diagnostics {
  return {
    version: VERSION,
    propagation: propagationStatus(),
    fields: [...(propagationSource(undefined)()?.fields ?? [])],
    isFetchInstrumented: typeof globalThis.fetch === "function" && sharedState.instrumented.has(globalThis.fetch),
    isNodeInstrumented: isProcessInstrumented(),
    otherUndiciSubscribers: countOtherSubscribers(),
    activeCalls: activeCalls.map((call) => {
      const { context } = call as { context?: Context };
      return { traceparent: call.traceparent, span: context && trace.getSpan(context) };
    }),
  };
}

function countOtherSubscribers(): number {
  // `diagnostics_channel` has no public list of subscribers.
  const channel = globalThis.process?.getBuiltinModule?.("node:diagnostics_channel")?.channel("undici:request:create");
  const subscribers = (channel as { _subscribers?: unknown } | undefined)?._subscribers;
  return Array.isArray(subscribers)
    ? subscribers.filter((subscriber) => !sharedState.instrumented.has(subscriber as object)).length
    : 0;
}

const SECRET_NAME = "[\\w.-]*(?:auth|token|secret|password|passwd|pwd|api[-_]?key|cookie|session|jwt|signature|credential)[\\w.-]*";
const SECRET_QUERY_VALUE = new RegExp(`([?&;]${SECRET_NAME}=)[^&#\\s"'<>\`]+`, "gi");
const SECRET_SETTING = new RegExp(
  `(\\b${SECRET_NAME}["']?\\s*[:=]\\s*["']?(?:(?:Bearer|Basic)\\s+)?)(?!REDACTED)[^\\s"'<>\`,;&)}\\]]+`,
  "gi",
);

/**
 * Replaces the secrets in a text that is shown to people by `REDACTED`: user info of URLs, query values, and settings whose name contains
 * `token`, `secret`, `password` or the like.
 *
 * This function is for tooling such as `a2a-otel-cli`.
 */
export function redactText(text: string): string {
  return redactMessage(text).replaceAll(SECRET_QUERY_VALUE, "$1REDACTED").replaceAll(SECRET_SETTING, "$1REDACTED");
}
