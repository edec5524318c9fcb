import { describe, expect, test } from "vitest";
import { FETCH, PROCESSES, SERVER, diagnose, sdk } from "./app.ts";

describe("an SDK of which a part is missing", PROCESSES, () => {
  test("the context manager: the call is in another trace", async () => {
    const { code, ids, of, report } = await diagnose(`${sdk({ manager: "undefined" })} startSdk(); ${FETCH} ${SERVER}`);
    expect([code, ids("error")]).toEqual([1, ["context-manager", "round-trip"]]);
    expect(of("round-trip")[0]?.message).toMatch(/arrived with a traceparent of another trace: 00-.* without a context manager/);
    expect(report.roundTrip).toMatchObject({ sameTrace: false, parent: "client span" });
  });

  test("a context manager that keeps no context behind an await", async () => {
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

  test("a processor and a service's name: spans go nowhere", async () => {
    const code = `${sdk({ processors: "" }).replace('{ "service.name": "agent" }', '{ "service.name": "unknown_service:node" }')} startSdk(); ${FETCH} ${SERVER}`;
    const { ids, of } = await diagnose(code);
    expect(ids("warning")).toEqual(["exporter", "service"]);
    expect(of("exporter")[0]?.message).toContain("spans are made and thrown away");
    expect(of("service")[0]?.remedy).toBe("OTEL_SERVICE_NAME=my-agent");
  });

  test("a sampler that is off: nothing is recorded, and the decision goes along", async () => {
    const { code, ids, of, report } = await diagnose(
      `${sdk({ sampler: "new sdk.AlwaysOffSampler()" })} startSdk(); ${FETCH} ${SERVER}`,
    );
    expect([code, ids("warning")]).toEqual([0, ["sampler"]]);
    expect(of("sampler")[0]?.message).toContain("AlwaysOffSampler), but a new trace is not recorded");
    expect(report.roundTrip?.traceparents[0]).toMatch(/-00$/);
    expect(of("round-trip")[0]?.message).toContain("a span that is not sampled");
  });

  test("a sampler that takes some is taken at its word", async () => {
    const { code, ids, of } = await diagnose(
      `${sdk({ sampler: "new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(1e-12) })" })} startSdk(); ${FETCH} ${SERVER}`,
    );
    expect([code, ids("warning")]).toEqual([0, []]);
    expect(of("sdk")[0]?.message).toContain("that is chance, as the sampler says");
  });

  test("a propagator of W3C's: with B3 alone, A2A callers elsewhere are lost", async () => {
    const b3 = `{ fields: () => ["b3"], extract: (context) => context, inject(context, carrier, setter) {
      const span = trace.getSpanContext(context); if (span) setter.set(carrier, "b3", span.traceId + "-" + span.spanId + "-1"); } }`;
    const { code, ids, of, report } = await diagnose(`${sdk({ propagator: b3 })} startSdk(); ${FETCH} ${SERVER}`);
    expect([code, ids("error"), ids("warning")]).toEqual([0, [], ["propagator", "round-trip"]]);
    expect(of("propagator")[0]?.remedy).toContain("OTEL_PROPAGATORS=tracecontext,baggage,b3");
    expect(of("round-trip")[0]?.message).toContain(
      "arrived without traceparent, though with b3. A2A callers elsewhere expect W3C Trace Context",
    );
    expect(Object.keys(report.roundTrip?.received ?? {})).toEqual(["b3"]);
  });

  test("baggage", async () => {
    const { ids, of } = await diagnose(`${sdk({ propagator: "new W3CTraceContextPropagator()" })} startSdk(); ${FETCH} ${SERVER}`);
    expect(ids("warning")).toEqual(["propagator"]);
    expect(of("propagator")[0]?.message).toContain("and no baggage");
  });
});
