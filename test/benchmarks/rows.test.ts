import { SpanKind, TraceFlags, context, trace } from "@opentelemetry/api";
import { afterAll, beforeAll, describe as group, expect, test } from "vitest";
import { USUAL } from "../../benchmarks/rows/options.ts";
import { trioOf } from "../../benchmarks/rows/trios.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

group("the floor of the benchmarks", () => {
  let telemetry: TestTelemetry;
  beforeAll(() => {
    telemetry = startTelemetry();
  });
  afterAll(() => telemetry.stop());

  const parent = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };

  test.each(["undici", "fetch", "axios", "got", "server"] as const)(
    "makes the same span as %s, and sends its headers",
    async (row) => {
      const trio = await trioOf({ ...USUAL, row });
      telemetry.reset();
      await context.with(trace.setSpanContext(context.active(), parent), async () => {
        await trio.base();
        expect(telemetry.started()).toBe(0);
        await trio.floor();
        await trio.traced();
      });
      await until(() => telemetry.spans().length === 2);
      const [floor, traced] = telemetry.spans();
      expect(traced && shapeOf(traced)).toEqual(floor && shapeOf(floor));
      expect(traced?.kind).toBe(row === "server" ? SpanKind.SERVER : SpanKind.CLIENT);
      expect(traced?.parentSpanContext?.spanId).toBe(parent.spanId);
      expect(floor?.parentSpanContext?.spanId).toBe(parent.spanId);
      const sent = trio.sent()["traceparent"];
      expect(sent).toBe(row === "server" ? undefined : `00-${parent.traceId}-${traced?.spanContext().spanId}-01`);
    },
  );
});
