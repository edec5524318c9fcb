import { SpanKind, TraceFlags, context, trace } from "@opentelemetry/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { USUAL } from "../../benchmarks/scenarios/scenario.ts";
import { createVariants } from "../../benchmarks/scenarios/variants.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

describe("the SDK baseline", () => {
  let telemetry: TestTelemetry;
  beforeAll(() => {
    telemetry = startTelemetry();
  });
  afterAll(() => telemetry.stop());

  const parent = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };

  it.each(["undici", "fetch", "axios", "got", "server"] as const)("makes the same span and headers as %s", async (subject) => {
    const variants = await createVariants({ ...USUAL, subject });
    telemetry.reset();
    await context.with(trace.setSpanContext(context.active(), parent), async () => {
      await variants.untraced();
      expect(telemetry.started()).toBe(0);
      await variants.baseline();
      await variants.traced();
    });
    await until(() => telemetry.spans().length === 2);
    const [baseline, traced] = telemetry.spans();
    expect(traced && shapeOf(traced)).toEqual(baseline && shapeOf(baseline));
    expect(traced?.kind).toBe(subject === "server" ? SpanKind.SERVER : SpanKind.CLIENT);
    expect(traced?.parentSpanContext?.spanId).toBe(parent.spanId);
    expect(baseline?.parentSpanContext?.spanId).toBe(parent.spanId);
    const traceparent = `00-${parent.traceId}-${traced?.spanContext().spanId}-01`;
    expect(variants.sentHeaders()["traceparent"]).toBe(subject === "server" ? undefined : traceparent);
  });
});
