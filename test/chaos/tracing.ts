import { setTimeout as sleep } from "node:timers/promises";
import { context, trace } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import type { RunningCall } from "./call.ts";
import type { Around } from "./client-run.ts";
import type { SpanReport } from "./job.ts";
import type { AroundVisits } from "./server-run.ts";
import { startTelemetry } from "./spans.ts";
import { indexOfTrace, traceparentOf } from "./trace-ids.ts";
import { flawsOf, flawsOfVisit } from "./verdicts.ts";
import type { Told } from "./ways/way.ts";

export interface Tracing extends Around, AroundVisits {
  /** Waits for the spans that are still open, and says what was seen. */
  readonly finish: () => Promise<SpanReport>;
}

/** An SDK around the calls of a run, and a look at what the spans of each call say. */
export function startTracing(): Tracing {
  const telemetry = startTelemetry();
  const flaws = new Map<string, { times: number; index: number }>();
  const note = (flaw: string, index: number): void => {
    const seen = flaws.get(flaw);
    if (seen === undefined) flaws.set(flaw, { times: 1, index });
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
    settled: (call: RunningCall, settled: { told: Told } | { error: unknown }) =>
      telemetry.whenEnded(call.plan.index, (spans) => {
        for (const flaw of flawsOf(call, settled, spans)) note(flaw, call.plan.index);
      }),
    traceparent: traceparentOf,
    look: (index, where) => {
      const active = trace.getSpanContext(context.active());
      if (active === undefined || indexOfTrace(active.traceId) !== index) note(`outside of the request's context: ${where}`, index);
    },
    visited: (visit, received) =>
      telemetry.whenEnded(visit.index, (spans) => {
        for (const flaw of flawsOfVisit(visit, received, spans)) note(flaw, visit.index);
      }),
    finish: async () => {
      // A response that nobody has read ends its span when it is collected, or after three seconds.
      for (let i = 0; i < 100 && telemetry.started() > telemetry.ended(); i++) {
        globalThis.gc?.();
        await sleep(100);
      }
      return {
        started: telemetry.started(),
        ended: telemetry.ended(),
        durations: await telemetry.durations(),
        flaws: [...flaws].map(([flaw, { times, index }]) => [flaw, times, index] as const),
        open: telemetry.open().slice(0, 10),
        said: [...telemetry.said],
        kept: { calls: sizeOf(activeCalls), timers: 0 },
      };
    },
  };
}

/** The open calls are kept in a collection, of whichever kind. */
function sizeOf(collection: { readonly size?: number; readonly length?: number }): number {
  return collection.size ?? collection.length ?? Number.NaN;
}
