import { describe, expect, it } from "vitest";
import { buildModel } from "../../src/view/model/model.ts";
import type { TraceModel } from "../../src/view/model/model.ts";
import { at, spanOf } from "./spans.ts";
import type { SpanSketch } from "./spans.ts";
import { sampleTrace } from "./sample.ts";

const model = (spans: SpanSketch[], refused = 0): TraceModel => buildModel({ traceId: "t", spans: spans.map(spanOf), refused });

describe("buildModel()", () => {
  it("contains name and service of the first root, start, duration and errors", () => {
    expect(
      model([
        { spanId: "child", parentSpanId: "root", start: 5, end: 30, status: "error" },
        { spanId: "root", name: "plan", start: 2, end: 12 },
      ]),
    ).toMatchObject({
      name: "plan",
      service: "orchestrator",
      startedAt: 1_760_000_000_002,
      duration: 28,
      errors: 1,
    });
  });

  it("omits empty fields", () => {
    const { resource, ...span } = model([{ spanId: "root" }]).spans[0] ?? { resource: 1 };
    expect(span).toEqual({
      spanId: "root",
      name: "root",
      kind: "INTERNAL",
      service: "orchestrator",
      depth: 0,
      entry: true,
      start: 0,
      duration: 10,
      startTime: String(at(0)),
      own: 10,
      status: "unset",
      attributes: {},
      scope: "test 1.0.0",
    });
    expect(resource).toBe(0);
  });

  it("computes the own time that no child covers", () => {
    const { spans } = model([
      { spanId: "root", end: 100 },
      { spanId: "a", parentSpanId: "root", start: 10, end: 40 },
      { spanId: "b", parentSpanId: "root", start: 30, end: 50 },
      { spanId: "c", parentSpanId: "root", start: 90, end: 150 },
    ]);
    expect(spans[0]).toMatchObject({ own: 50, ownParts: [0, 10, 50, 90] });
    expect(spans[1]).not.toHaveProperty("ownParts");
  });

  it("limits the parts of own time to those that are visible", () => {
    const children = Array.from({ length: 3000 }, (_, index): SpanSketch => ({
      spanId: `s${index}`,
      parentSpanId: "root",
      start: index,
      end: index + 0.5,
    }));
    const [root] = model([{ spanId: "root", end: 3000 }, ...children]).spans;
    expect(root?.own).toBeCloseTo(1500, 6);
    expect(root?.ownParts?.length).toBeLessThanOrEqual(402);
  });

  it("places events on the trace's time axis", () => {
    const { spans } = model([
      { spanId: "root", end: 100 },
      { spanId: "call", parentSpanId: "root", kind: "CLIENT", start: 20, end: 60 },
      {
        spanId: "far",
        parentSpanId: "call",
        kind: "SERVER",
        service: "writer",
        start: 1000,
        end: 1020,
        events: [{ time: at(1010), name: "e", attributes: {} }],
      },
    ]);
    expect(spans[2]).toMatchObject({ start: 30, shift: -970, events: [{ time: 40 }] });
  });

  it("stores a shared resource once", () => {
    const { resources, spans } = buildModel({ traceId: "t", spans: sampleTrace(), refused: 0 });
    expect(resources).toHaveLength(6);
    expect(resources[spans[0]?.resource ?? -1]).toEqual({ "service.name": "concierge" });
  });

  it("accepts a trace without spans", () => {
    expect(model([])).toMatchObject({ name: "", duration: 0, spans: [], agents: [], notices: [] });
  });
});

describe("notices()", () => {
  it.each<[string, SpanSketch[], string[]]>([
    ["no problem", [{ spanId: "root" }], []],
    [
      "a missing parent",
      [{ spanId: "a", parentSpanId: "gone" }],
      [
        "1 span has a parent that was not received: it is not exported, not sampled, or arrives later. Such a span is shown as a root.",
      ],
    ],
    ["a cycle", [{ spanId: "a", parentSpanId: "a" }], ["1 span is its own ancestor: two spans have the same id."]],
    [
      "a missing end",
      [
        { spanId: "a", end: null },
        { spanId: "b", end: null },
      ],
      ["2 spans were exported before the end and drawn up to the end of the trace."],
    ],
    [
      "an end before the start",
      [{ spanId: "a", start: 5, end: 4 }],
      ["1 span ends before it begins: shown with a duration of zero."],
    ],
    [
      "a difference between clocks",
      [
        { spanId: "call", kind: "CLIENT", end: 20 },
        { spanId: "far", parentSpanId: "call", kind: "SERVER", service: "writer", start: 5000, end: 5010 },
      ],
      [
        "The clock of writer is about 5.00 s ahead of the clocks of its callers. Its spans are moved into the calls that they belong to.",
      ],
    ],
  ])("reports %s", (_, spans, notices) => {
    expect(model(spans).notices).toEqual(notices);
  });

  it("reports refused spans", () => {
    expect(model([{ spanId: "root" }], 1200).notices).toEqual([
      "1,200 spans were refused, because the trace has more spans than are kept.",
    ]);
  });
});
