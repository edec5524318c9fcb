import { setTimeout as sleep } from "node:timers/promises";
import { context, trace } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import type { RunningCall } from "./call.ts";
import type { CallHooks } from "./client-run.ts";
import type { SpanReport } from "./job.ts";
import type { VisitHooks } from "./server-run.ts";
import { startTelemetry } from "./spans.ts";
import { indexOfTrace, traceparentOf } from "./trace-ids.ts";
import { callViolations, visitViolations } from "./violations.ts";
import type { Settled } from "./clients/usage.ts";

export interface Tracing extends CallHooks, VisitHooks {
  /** Waits for the spans that are still open and reports what was observed. */
  readonly finish: () => Promise<SpanReport>;
}

/** Runs the calls with an SDK and checks the spans of each call. */
export function startTracing(): Tracing {
  const telemetry = startTelemetry();
  const violations = new Map<string, { times: number; index: number }>();
  const note = (violation: string, index: number): void => {
    const seen = violations.get(violation);
    if (seen === undefined) violations.set(violation, { times: 1, index });
    else seen.times++;
  };
  return {
    make: (index, make) =>
      telemetry.around(index, async () => {
        const before = context.active();
        try {
          return await make();
        } finally {
          if (context.active() !== before) note("another context is active after the call", index);
          if (isTracingSuppressed(context.active())) note("tracing is suppressed after the call", index);
        }
      }),
    settled: (call: RunningCall, settled: Settled) =>
      telemetry.whenEnded(call.plan.index, (spans) => {
        for (const violation of callViolations(call, settled, spans)) note(violation, call.plan.index);
      }),
    traceparent: traceparentOf,
    look: (index, where) => {
      const active = trace.getSpanContext(context.active());
      if (active === undefined || indexOfTrace(active.traceId) !== index) note(`outside of the request's context: ${where}`, index);
    },
    visited: (visit, received) =>
      telemetry.whenEnded(visit.index, (spans) => {
        for (const violation of visitViolations(visit, received, spans)) note(violation, visit.index);
      }),
    finish: async () => {
      // An unread response ends its span when it is garbage-collected, or after three seconds.
      for (let i = 0; i < 100 && telemetry.started() > telemetry.ended(); i++) {
        globalThis.gc?.();
        await sleep(100);
      }
      return {
        started: telemetry.started(),
        ended: telemetry.ended(),
        durations: await telemetry.durations(),
        violations: [...violations].map(([violation, { times, index }]) => [violation, times, index] as const),
        open: telemetry.open().slice(0, 10),
        diagnostics: [...telemetry.diagnostics],
        kept: { calls: sizeOf(activeCalls), timers: 0 },
      };
    },
  };
}

/** The size of the registry, whichever collection it is. */
function sizeOf(collection: { readonly size?: number; readonly length?: number }): number {
  return collection.size ?? collection.length ?? Number.NaN;
}
