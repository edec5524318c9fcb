import { describe, expect, it } from "vitest";
import { COLOURS, agentsOf, colours } from "../../src/view/model/agents.ts";
import type { Agent } from "../../src/view/model/agents.ts";
import { buildTree } from "../../src/view/model/tree.ts";
import { spanOf } from "./spans.ts";
import type { Attributes } from "../../src/view/span.ts";
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

describe("agentsOf()", () => {
  it("separates own time from the time of callees, as measured by the caller", () => {
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

  it("counts simultaneous callees once", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      ...call("a", "root", "writer", 10, 40),
      ...call("b", "root", "checker", 30, 60),
    ];
    expect(agents(spans)["orchestrator"]).toMatchObject({ own: 50, callees: 50 });
  });

  it("counts an agent with two simultaneous calls as waiting only if both calls wait", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      ...call("a", "root", "writer", 0, 50),
      ...call("b", "root", "writer", 0, 80),
      { spanId: "on", parentSpanId: "b", service: "writer", kind: "CLIENT", start: 20, end: 70 },
      { spanId: "far", parentSpanId: "on", service: "checker", kind: "SERVER", start: 21, end: 69 },
    ];
    expect(agents(spans)["writer"]).toMatchObject({ calls: 2, slowest: 78, total: 78, own: 78 - 21, callees: 21 });
  });

  it("counts a call within the service as its own time", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      { spanId: "db", parentSpanId: "root", kind: "CLIENT", start: 10, end: 90 },
    ];
    expect(agents(spans)["orchestrator"]).toMatchObject({ own: 100, callees: 0 });
  });

  it("uses the callee's duration if there is no CLIENT span", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      { spanId: "served", parentSpanId: "root", kind: "SERVER", service: "writer", start: 20, end: 50 },
    ];
    expect(agents(spans)["orchestrator"]).toMatchObject({ own: 70, callees: 30 });
  });

  it("does not count the consumer of a message as waiting time", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      { spanId: "send", parentSpanId: "root", kind: "PRODUCER", start: 10, end: 90 },
      { spanId: "work", parentSpanId: "send", kind: "CONSUMER", service: "mailer", start: 20, end: 300 },
    ];
    expect(agents(spans)).toMatchObject({ orchestrator: { own: 100, callees: 0 }, mailer: { total: 280, own: 280 } });
  });

  it("counts work after the response as the agent's", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 10 },
      { spanId: "late", parentSpanId: "root", start: 5, end: 30 },
    ];
    expect(agents(spans)["orchestrator"]).toMatchObject({ total: 30, own: 30, slowest: 10 });
  });

  it("counts work during a call of another agent as own time, so that it includes the time in models", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      ...call("stream", "root", "writer", 0, 100),
      { spanId: "chat", parentSpanId: "root", start: 20, end: 60 },
    ];
    expect(agents(spans, ["chat"])["orchestrator"]).toMatchObject({ own: 40, callees: 60, models: 40 });
  });

  it("does not count the calls that a model makes as tools as time in the model", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      { spanId: "chat", parentSpanId: "root", start: 10, end: 90 },
      { spanId: "tool", parentSpanId: "chat", start: 20, end: 70 },
      ...call("a", "tool", "writer", 30, 60),
      { spanId: "socket", parentSpanId: "a call", start: 31, end: 33 },
    ];
    expect(agents(spans, ["chat"])["orchestrator"]).toMatchObject({ own: 70, callees: 30, models: 50 });
  });

  it.each<[string, Attributes]>([
    ["declared as one", { "http.response.header.content-type": ["text/event-stream"] }],
    ["of MCP, at the address of its requests", { "url.full": "http://tools:8080/mcp" }],
  ])("does not wait for a standing event stream %s", (_, attributes) => {
    const [stream, far] = call("stream", "root", "tools", 0, 100) as [SpanSketch, SpanSketch];
    const post = { spanId: "post", parentSpanId: "root", kind: "CLIENT" as const, start: 10, end: 20 };
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100 },
      { ...stream, attributes: { "http.request.method": "GET", ...attributes } },
      far,
      { ...post, attributes: { "http.request.method": "POST", "url.full": "http://tools:8080/mcp" } },
    ];
    expect(agents(spans)["orchestrator"]).toMatchObject({ own: 100, callees: 0 });
  });

  it("counts errors and the time in models", () => {
    const spans: SpanSketch[] = [
      { spanId: "root", end: 100, status: "error" },
      { spanId: "chat 1", parentSpanId: "root", start: 10, end: 40 },
      { spanId: "chat 2", parentSpanId: "root", start: 30, end: 50, status: "error" },
    ];
    expect(agents(spans, ["chat 1", "chat 2"])["orchestrator"]).toMatchObject({ errors: 2, models: 40, own: 100 });
  });
});

describe("colours()", () => {
  const names = Array.from({ length: COLOURS }, (_, index) => `agent ${index}`);

  it("returns different colours as long as there are enough", () => {
    expect(new Set(colours(names).values()).size).toBe(COLOURS);
  });

  it("uses all colours about equally often if there are more services", () => {
    const many = [...names, ...names.map((name) => `${name}'`)];
    const counts = Map.groupBy(colours(many).values(), (colour) => colour);
    expect([...counts.values()].map(({ length }) => length)).toEqual(names.map(() => 2));
  });

  it("does not depend on the order, and returns the same colour for a single agent", () => {
    expect(colours(names.toReversed())).toEqual(new Map(colours(names)));
    expect(colours(["writer"])).toEqual(colours(["writer"]));
    expect(colours(["writer", "checker"]).get("writer")).toBe(colours(["writer"]).get("writer"));
  });
});
