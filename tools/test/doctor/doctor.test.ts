import { SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import { afterEach, describe, expect, it } from "vitest";
import { doctor, formatReport } from "../../src/doctor.ts";
import { instrumentFetch } from "a2a-otel/fetch";
import { setupPropagation } from "a2a-otel/setup";
import { clearGlobals, shapeOf, inSpan, startTelemetry } from "../../../test/support/telemetry.ts";
import type { TestTelemetry } from "../../../test/support/telemetry.ts";

const REGISTRY = Symbol.for("opentelemetry.js.api.1");
let telemetry: TestTelemetry | undefined;
let undo = (): void => {};
afterEach(async () => {
  undo();
  undo = () => {};
  await telemetry?.stop();
  telemetry = undefined;
  clearGlobals();
});

const idsOf = (report: Awaited<ReturnType<typeof doctor>>, level: string): string[] =>
  report.findings.filter((finding) => finding.level === level).map(({ id }) => id);

describe("doctor() inside an app", () => {
  it("creates one trace of three spans whose names contain its name", async () => {
    telemetry = startTelemetry();
    undo = instrumentFetch();
    const report = await doctor();
    expect(report.ok).toBe(true);
    expect(idsOf(report, "warning")).toEqual(["service"]);
    await telemetry.settled();
    const spans = telemetry.spans();
    const of = (kind: SpanKind): object => {
      const span = spans.find((one) => one.kind === kind);
      return { ...shapeOf(span!), scope: span?.instrumentationScope.name, parent: span?.parentSpanContext?.spanId };
    };
    const idOf = (kind: SpanKind): string | undefined => spans.find((span) => span.kind === kind)?.spanContext().spanId;
    expect(spans).toHaveLength(3);
    expect(of(SpanKind.INTERNAL)).toEqual({
      name: "a2a-otel doctor",
      kind: SpanKind.INTERNAL,
      status: SpanStatusCode.UNSET,
      attributes: { "a2a_otel.doctor": true },
      events: [],
      scope: "a2a-otel-doctor",
      parent: undefined,
    });
    expect(of(SpanKind.CLIENT)).toMatchObject({
      name: "GET",
      status: SpanStatusCode.UNSET,
      attributes: {
        "url.full": expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/a2a-otel-doctor$/),
        "http.response.status_code": 200,
      },
      scope: "a2a-otel",
      parent: idOf(SpanKind.INTERNAL),
    });
    expect(of(SpanKind.SERVER)).toMatchObject({
      name: "a2a-otel doctor: the call is received",
      status: SpanStatusCode.UNSET,
      scope: "a2a-otel",
      parent: idOf(SpanKind.CLIENT),
    });
    expect(new Set(spans.map((span) => span.spanContext().traceId))).toEqual(new Set([report.roundTrip?.traceId]));
  });

  it("registers nothing and changes no global variable", async () => {
    const places = (): unknown[] => [
      { ...(globalThis as unknown as Record<symbol, object>)[REGISTRY] },
      globalThis.fetch,
      propagation.fields(),
      trace.getTracerProvider(),
      context.active(),
      { ...process.env },
      process.listenerCount("exit"),
    ];
    const before = places();
    const report = await doctor();
    expect(places()).toEqual(before);
    expect(places()[1]).toBe(before[1]);
    expect(report.propagation).toEqual({ fields: [], propagator: "none", contextManager: "none", tracerProvider: "none" });
    expect(idsOf(report, "error")).toEqual(["sdk", "context-manager", "fetch"]);
  });

  it("is not part of the trace in which it is called, and keeps that trace active", async () => {
    telemetry = startTelemetry();
    undo = instrumentFetch();
    const { report, before, after } = await inSpan("agent", async () => {
      const span = trace.getActiveSpan();
      return { before: span, report: await doctor(), after: trace.getActiveSpan() };
    });
    expect(after).toBe(before);
    expect(report.roundTrip?.traceId).not.toBe(before?.spanContext().traceId);
    expect(report.roundTrip?.sameTrace).toBe(true);
  });

  it("generates the ids of a caller without an SDK, and sees that they are forwarded", async () => {
    setupPropagation();
    undo = instrumentFetch();
    const { roundTrip, propagation: setup } = await doctor();
    expect(setup).toEqual({
      fields: ["traceparent", "tracestate", "baggage"],
      propagator: "ours",
      contextManager: "ours",
      tracerProvider: "none",
    });
    expect(roundTrip).toMatchObject({ sameTrace: true, parent: "caller", clientSpans: undefined, continued: true });
    expect(roundTrip?.traceparents[0]).toContain(roundTrip?.traceId);
  });

  it("can run twice at the same time", async () => {
    telemetry = startTelemetry();
    undo = instrumentFetch();
    const reports = await Promise.all([doctor(), doctor()]);
    for (const { roundTrip } of reports)
      expect(roundTrip).toMatchObject({ sameTrace: true, clientSpans: [{ name: "GET", scope: "a2a-otel" }] });
  });

  it("reports a call that other code answered", async () => {
    telemetry = startTelemetry();
    const original = globalThis.fetch;
    globalThis.fetch = () => Promise.resolve(new Response("mocked"));
    undo = () => void (globalThis.fetch = original);
    const report = await doctor();
    expect(idsOf(report, "error")).toEqual(["round-trip"]);
    expect(report.roundTrip?.failure).toBe("other code answered it, and it did not reach its server");
  });

  it("aborts a call that takes too long", async () => {
    telemetry = startTelemetry();
    const original = globalThis.fetch;
    globalThis.fetch = (_, init) =>
      new Promise((__, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason as Error)));
    undo = () => void (globalThis.fetch = original);
    const report = await doctor({ timeout: 50 });
    expect(report.roundTrip?.failure).toMatch(/TimeoutError/);
  });

  it("reports objects of other code that throw, and does not throw itself", async () => {
    const boom = (): never => {
      throw new Error("boom");
    };
    telemetry = startTelemetry({
      propagator: { fields: () => ["traceparent"], inject: boom, extract: boom },
      sampler: { shouldSample: boom, toString: boom },
    });
    undo = instrumentFetch();
    const report = await doctor();
    expect(report.ok).toBe(false);
    expect(report.findings.find(({ id }) => id === "doctor")?.message).toBe("Examining the SDK failed: Error: boom.");
  });

  it("returns a report whose string is a text and whose JSON is complete", async () => {
    const report = await doctor({ roundTrip: false });
    expect(String(report)).toBe(formatReport(report));
    const parsed = JSON.parse(JSON.stringify(report)) as typeof report;
    expect(formatReport(parsed)).toBe(String(report));
  });
});

it.each([
  { options: { timeout: 0 }, says: 'doctor: option "timeout" must be milliseconds, from 1 to 600000, not 0' },
  { options: { roundTrip: "no" }, says: 'doctor: option "roundTrip" must be true or false, not "no"' },
  { options: { entry: "" }, says: 'doctor: option "entry" must be a path, not ""' },
  { options: { wait: 5 }, says: 'doctor: there is no option "wait"; the options are roundTrip, timeout, flush, entry' },
])("rejects the invalid options $options with a TypeError", async ({ options, says }) => {
  await expect(doctor(options as never)).rejects.toThrow(new TypeError(says));
});

it("formats a paragraph for each finding with its remedy below it, in lines of limited width", () => {
  const text = formatReport({
    findings: [
      { level: "ok", id: "one", message: "All is well." },
      { level: "error", id: "two", message: `Something ${"very ".repeat(25)}long\nis wrong.`, remedy: `mend ${"it ".repeat(60)}` },
      { level: "warning", id: "three", message: "Perhaps." },
    ],
  });
  expect(text.split("\n").slice(0, 6)).toEqual([
    "a2a-otel doctor",
    "",
    "ok       All is well.",
    `ERROR    Something ${"very ".repeat(18)}`.trimEnd(),
    `         ${"very ".repeat(7)}long`,
    "         is wrong.",
  ]);
  expect(text).toContain("\n         Do: mend it");
  expect(text).toMatch(/\n1 error, 1 warning\.\n$/);
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(110);
});
