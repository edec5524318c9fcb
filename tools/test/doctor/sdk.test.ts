import { context, propagation, trace } from "@opentelemetry/api";
import type { Span, SpanContext, Tracer } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { afterEach, describe, expect, it } from "vitest";
import { doctor } from "../../src/doctor.ts";
import { className } from "../../src/doctor/try-get.ts";
import { collectFindings } from "../../src/doctor/findings.ts";
import type { Finding } from "../../src/doctor/findings.ts";
import { checkNoSdk } from "../../src/doctor/checks/sdk.ts";
import { instrumentFetch } from "a2a-otel/fetch";
import { clearGlobals } from "../../../test/support/telemetry.ts";

describe("checkNoSdk()", () => {
  const NODE = { name: "node", version: "24.0.0" } as const;
  const findingOf = (
    loaded: Record<string, string> | undefined,
    environment = {},
    runtime: Parameters<typeof checkNoSdk>[3] = NODE,
  ): Finding => {
    const findings = collectFindings((text) => text);
    checkNoSdk(findings, loaded && new Map(Object.entries(loaded)), environment, runtime);
    expect(findings.all).toHaveLength(1);
    return findings.all[0]!;
  };

  it("warns if no SDK is loaded", () => {
    expect(findingOf({ express: "5.0.0" })).toMatchObject({
      level: "warning",
      remedy: expect.stringContaining("npm i @opentelemetry/sdk-node"),
    });
    expect(findingOf(undefined)).toMatchObject({ level: "warning" });
  });

  it("recommends no package for Node on another runtime", () => {
    expect(findingOf({}, {}, { name: "workers", version: "" }).remedy).toContain("choose an SDK that supports this runtime");
  });

  it("reports an error if an SDK is loaded", () => {
    const loaded = { "@opentelemetry/sdk-node": "0.301.0", "@opentelemetry/sdk-trace": "3.1.1", express: "5.0.0" };
    expect(findingOf(loaded)).toMatchObject({
      level: "error",
      message: expect.stringContaining("@opentelemetry/sdk-node and @opentelemetry/sdk-trace are loaded, but no SDK is registered"),
    });
    expect(findingOf(loaded, { OTEL_SDK_DISABLED: "true" })).toMatchObject({ level: "warning" });
  });

  it("names the option of Sentry that registers its SDK", () => {
    expect(findingOf({ "@sentry/node": "11.12.0" })).toMatchObject({
      level: "warning",
      remedy: "`Sentry.init({ enableOpenTelemetrySetup: true, ... })`",
    });
  });
});

describe("doctor() with an SDK of another vendor", () => {
  let undo = (): void => {};
  afterEach(() => {
    undo();
    clearGlobals();
  });

  it("recognises padded 64-bit trace ids in span contexts with getters, as those of Datadog", async () => {
    const LOW = "5db1b4854945297f";
    let count = 0;
    const tracer = {
      startSpan: (): Span => {
        const spanId = `00000000000000a${count++}`;
        const spanContext = Object.create({
          get traceId() {
            // Only its first span does not know the whole id.
            return spanId.endsWith("0") ? LOW.padStart(32, "0") : `6b03544400000000${LOW}`;
          },
          get spanId() {
            return spanId;
          },
          get traceFlags() {
            return 1;
          },
        }) as SpanContext;
        const span = { spanContext: () => spanContext, isRecording: () => true, end: () => {} } as Span;
        for (const name of ["setAttribute", "setAttributes", "addEvent", "setStatus", "updateName", "recordException"] as const) {
          (span as unknown as Record<string, () => Span>)[name] = () => span;
        }
        return span;
      },
    } as unknown as Tracer;
    trace.setGlobalTracerProvider({ getTracer: () => tracer });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(
      new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
    );
    undo = instrumentFetch();
    const { roundTrip, findings } = await doctor();
    expect(roundTrip).toMatchObject({
      traceId: LOW.padStart(32, "0"),
      sameTrace: true,
      parent: "unseen",
      clientSpans: undefined,
      tracestate: undefined,
      continued: true,
    });
    expect(findings.find(({ id }) => id === "sdk")?.message).toBe("An SDK is registered (a tracer provider). It records spans.");
    expect(findings.find(({ id }) => id === "round-trip")?.message).toContain("a span that cannot be observed");
  });
});

it.each([
  { value: { constructor: { name: "TracerProvider$1" } }, name: "TracerProvider" },
  { value: { constructor: { name: "Ga" } }, name: undefined },
  { value: {}, name: undefined },
  { value: Object.create(null) as object, name: undefined },
  { value: undefined, name: undefined },
])("className() returns $name", ({ value, name }) => {
  expect(className(value)).toBe(name);
});
