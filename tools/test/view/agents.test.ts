import { describe, expect, test } from "vitest";
import { COLOURS, agentsOf, colours } from "../../src/view/model/agents.ts";
import type { Agent } from "../../src/view/model/agents.ts";
import { buildTree } from "../../src/view/model/tree.ts";
import { spanOf } from "./spans.ts";
import type { SpanSketch } from "./spans.ts";

function agents(spans: SpanSketch[], modelSpans: string[] = []): Record<string, Partial<Agent>> {
  const nodes = buildTree(spans.map(spanOf));
  const found = agentsOf(nodes, new Set(nodes.filter(({ span }) => modelSpans.includes(span.spanId))));
  return Object.fromEntries(found.map((agent) => [agent.service, agent]));
}

/** A call of another service from `from` to `to`, of which it takes all but a millisecond at either side. */
function call(id: string, parentSpanId: string, service: string, from: number, to: number): SpanSketch[] {
  return [
    { spanId: `${id} call`, parentSpanId, kind: "CLIENT", start: from, end: to },
    { spanId: id, parentSpanId: `${id} call`, kind: "SERVER", service, start: from + 1, end: to - 1 },
  ];
}

describe("the latency of each agent", () => {
  test("is its own and its callees', as the caller saw it", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      ...call("a", "root", "writer", 10, 40),
      { spanId: "think", parentSpanId: "root", start: 50, end: 70 },
    ];
    const common = { colour: expect.any(Number) as number, errors: 0, calls: 1, models: 0 };
    expect(agents(spans)).toEqual({
      orchestrator: {
        ...common,
        service: "orchestrator",
        spans: 3,
        errors: 0,
        calls: 1,
        slowest: 100,
        total: 100,
        own: 70,
        callees: 30,
        models: 0,
      },
      writer: { ...common, service: "writer", spans: 1, slowest: 28, total: 28, own: 28, callees: 0 },
    });
  });

  test("callees called at the same time count once", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      ...call("a", "root", "writer", 10, 40),
      ...call("b", "root", "checker", 30, 60),
    ];
    expect(agents(spans)["orchestrator"]).toMatchObject({ own: 50, callees: 50 });
  });

  test("an agent that is called twice at the same time was there once, and is waiting only when both calls are", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      ...call("a", "root", "writer", 0, 50),
      ...call("b", "root", "writer", 0, 80),
      { spanId: "on", parentSpanId: "b", service: "writer", kind: "CLIENT", start: 20, end: 70 },
      { spanId: "far", parentSpanId: "on", service: "checker", kind: "SERVER", start: 21, end: 69 },
    ];
    expect(agents(spans)["writer"]).toMatchObject({ calls: 2, slowest: 78, total: 78, own: 78 - 21, callees: 21 });
  });

  test("a call that stays within the service is its own time", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      { spanId: "db", parentSpanId: "root", kind: "CLIENT", start: 10, end: 90 },
    ];
    expect(agents(spans)["orchestrator"]).toMatchObject({ own: 100, callees: 0 });
  });

  test("a callee without a CLIENT span above it is waited for as long as it takes", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      { spanId: "served", parentSpanId: "root", kind: "SERVER", service: "writer", start: 20, end: 50 },
    ];
    expect(agents(spans)["orchestrator"]).toMatchObject({ own: 70, callees: 30 });
  });

  test("nobody waits for who works on a message", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      { spanId: "send", parentSpanId: "root", kind: "PRODUCER", start: 10, end: 90 },
      { spanId: "work", parentSpanId: "send", kind: "CONSUMER", service: "mailer", start: 20, end: 300 },
    ];
    expect(agents(spans)).toMatchObject({ orchestrator: { own: 100, callees: 0 }, mailer: { total: 280, own: 280 } });
  });

  test("work that goes on after the answer belongs to the agent", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 10 },
      { spanId: "late", parentSpanId: "root", start: 5, end: 30 },
    ];
    expect(agents(spans)["orchestrator"]).toMatchObject({ total: 30, own: 30, slowest: 10 });
  });

  test("errors and time in models are counted", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100, status: "error" },
      { spanId: "chat 1", parentSpanId: "root", start: 10, end: 40 },
      { spanId: "chat 2", parentSpanId: "root", start: 30, end: 50, status: "error" },
    ];
    expect(agents(spans, ["chat 1", "chat 2"])["orchestrator"]).toMatchObject({ errors: 2, models: 40, own: 100 });
  });
});

describe("colours", () => {
  const names = Array.from({ length: COLOURS }, (_, index) => `agent ${index}`);

  test("differ as long as there are enough", () => {
    expect(new Set(colours(names).values()).size).toBe(COLOURS);
  });

  test("are used again when there are more services, each about as often", () => {
    const many = [...names, ...names.map((name) => `${name}'`)];
    const counts = Map.groupBy(colours(many).values(), (colour) => colour);
    expect([...counts.values()].map(({ length }) => length)).toEqual(names.map(() => 2));
  });

  test("do not depend on the order, and an agent alone always has the same", () => {
    expect(colours(names.toReversed())).toEqual(new Map(colours(names)));
    expect(colours(["writer"])).toEqual(colours(["writer"]));
    expect(colours(["writer", "checker"]).get("writer")).toBe(colours(["writer"]).get("writer"));
  });
});
