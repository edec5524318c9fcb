import { describe, expect, it } from "vitest";
import { FETCH, PROCESSES, SERVER, diagnose, sdk } from "./app.ts";

describe("doctor, for an incomplete SDK", PROCESSES, () => {
  it("reports a missing context manager, and that the call is in another trace", async () => {
    const { of, report, summary } = await diagnose(`${sdk({ manager: "undefined" })} startSdk(); ${FETCH} ${SERVER}`);
    expect(summary).toMatchObject({ code: 1, errors: ["context-manager", "round-trip"] });
    expect(of("round-trip")[0]?.message).toMatch(/arrived with a traceparent of another trace: 00-.* without a context manager/);
    expect(report.roundTrip).toMatchObject({ sameTrace: false, parent: "client span" });
  });

  it("reports a context manager that loses the context after an await", async () => {
    const stack = `{ stack: [], active() { return this.stack.at(-1) ?? ROOT_CONTEXT; }, enable() { return this; }, disable() { return this; }, bind: (_, target) => target,
      with(context, fn, self, ...args) { this.stack.push(context); try { return fn.call(self, ...args); } finally { this.stack.pop(); } } }`;
    const { code, of } = await diagnose(
      `import { ROOT_CONTEXT } from "@opentelemetry/api"; ${sdk({ manager: stack })} startSdk(); ${FETCH} ${SERVER}`,
    );
    expect(code).toBe(1);
    expect(of("context-manager")[0]?.message).toContain(
      "loses the context in: await, setTimeout, setImmediate, process.nextTick, listeners of a bound EventEmitter",
    );
  });

  it("warns if there is no span processor and no service name", async () => {
    const code = `${sdk({ processors: "" }).replace('{ "service.name": "agent" }', '{ "service.name": "unknown_service:node" }')} startSdk(); ${FETCH} ${SERVER}`;
    const { ids, of } = await diagnose(code);
    expect(ids("warning")).toEqual(["exporter", "service"]);
    expect(of("exporter")[0]?.message).toContain("its spans are discarded");
    expect(of("service")[0]?.remedy).toBe("OTEL_SERVICE_NAME=my-agent");
  });

  it("warns if the sampler is off and the decision is propagated", async () => {
    const { of, report, summary } = await diagnose(
      `${sdk({ sampler: "new sdk.AlwaysOffSampler()" })} startSdk(); ${FETCH} ${SERVER}`,
    );
    expect(summary).toMatchObject({ code: 0, warnings: ["sampler"] });
    expect(of("sampler")[0]?.message).toContain("AlwaysOffSampler), but a new trace is not recorded");
    expect(report.roundTrip?.traceparents[0]).toMatch(/-00$/);
    expect(of("round-trip")[0]?.message).toContain("a span that is not sampled");
  });

  it("accepts a sampler that samples a part of all traces", async () => {
    const { of, summary } = await diagnose(
      `${sdk({ sampler: "new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(1e-12) })" })} startSdk(); ${FETCH} ${SERVER}`,
    );
    expect(summary).toMatchObject({ code: 0, warnings: [] });
    expect(of("sdk")[0]?.message).toContain("which is a matter of chance with this sampler");
  });

  it("warns if the propagator writes B3 alone", async () => {
    const b3 = `{ fields: () => ["b3"], extract: (context) => context, inject(context, carrier, setter) {
      const span = trace.getSpanContext(context); if (span) setter.set(carrier, "b3", span.traceId + "-" + span.spanId + "-1"); } }`;
    const { of, report, summary } = await diagnose(`${sdk({ propagator: b3 })} startSdk(); ${FETCH} ${SERVER}`);
    expect(summary).toMatchObject({ code: 0, errors: [], warnings: ["propagator", "round-trip"] });
    expect(of("propagator")[0]?.remedy).toContain("OTEL_PROPAGATORS=tracecontext,baggage,b3");
    expect(of("round-trip")[0]?.message).toContain(
      "arrived without traceparent, but with b3. Other A2A agents expect W3C Trace Context",
    );
    expect(Object.keys(report.roundTrip?.received ?? {})).toEqual(["b3"]);
  });

  it("warns if the propagator does not write baggage", async () => {
    const { ids, of } = await diagnose(`${sdk({ propagator: "new W3CTraceContextPropagator()" })} startSdk(); ${FETCH} ${SERVER}`);
    expect(ids("warning")).toEqual(["propagator"]);
    expect(of("propagator")[0]?.message).toContain("but not baggage");
  });
});
