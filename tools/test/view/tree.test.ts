import { describe, expect, it } from "vitest";
import { buildTree } from "../../src/view/model/tree.ts";
import type { SpanNode } from "../../src/view/model/tree.ts";
import { spanOf } from "./spans.ts";
import type { SpanSketch } from "./spans.ts";

const tree = (...spans: SpanSketch[]): SpanNode[] => buildTree(spans.map(spanOf));
const drawn = (nodes: readonly SpanNode[]): string[] =>
  nodes.map(({ span, depth, start, end }) => `${"- ".repeat(depth)}${span.spanId} ${start} to ${end}`);

describe("buildTree()", () => {
  it("sorts spans after their parents and siblings by their start", () => {
    const nodes = tree(
      { spanId: "below", parentSpanId: "first", start: 4, end: 5 },
      { spanId: "second", parentSpanId: "root", start: 6 },
      { spanId: "first", parentSpanId: "root", start: 3 },
      { spanId: "root", start: 2, end: 20 },
    );
    expect(drawn(nodes)).toEqual(["root 0 to 18", "- first 1 to 8", "- - below 2 to 3", "- second 4 to 8"]);
    expect(nodes.map(({ misplaced }) => misplaced)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("makes a span without its parent a root and marks it", () => {
    const nodes = tree(
      { spanId: "root", end: 20 },
      { spanId: "stray", parentSpanId: "gone", start: 5 },
      { spanId: "child", parentSpanId: "stray", start: 6 },
    );
    expect(drawn(nodes)).toEqual(["root 0 to 20", "stray 5 to 10", "- child 6 to 10"]);
    expect(nodes.map(({ misplaced }) => misplaced)).toEqual([undefined, "parent missing", undefined]);
  });

  it("breaks each cycle of parents at one span", () => {
    const nodes = tree(
      { spanId: "a", parentSpanId: "c" },
      { spanId: "b", parentSpanId: "a" },
      { spanId: "c", parentSpanId: "b" },
      { spanId: "self", parentSpanId: "self" },
      { spanId: "below", parentSpanId: "b" },
    );
    expect(nodes.map(({ span }) => span.spanId).toSorted()).toEqual(["a", "b", "below", "c", "self"]);
    expect(nodes.filter(({ misplaced }) => misplaced === "circular").map(({ span }) => span.spanId)).toHaveLength(2);
  });

  it("handles a chain of 20,000 spans", () => {
    const chain = Array.from({ length: 20_000 }, (_, index) =>
      spanOf({ spanId: `s${index}`, ...(index > 0 && { parentSpanId: `s${index - 1}` }) }),
    );
    const nodes = buildTree(chain.toReversed());
    expect(nodes.map(({ depth }) => depth)).toEqual(chain.map((_, index) => index));
  });

  it("extends a span without an end, and corrects an end before the start", () => {
    const nodes = tree({ spanId: "root", end: 20 }, { spanId: "open", start: 5, end: null }, { spanId: "odd", start: 8, end: 2 });
    expect(drawn(nodes)).toEqual(["root 0 to 20", "open 5 to 20", "odd 8 to 8"]);
  });

  it("returns nothing without spans", () => {
    expect(buildTree([])).toEqual([]);
  });
});

describe("entry spans", () => {
  const entries = (...spans: SpanSketch[]): string[] =>
    tree(...spans)
      .filter(({ entry }) => entry)
      .map(({ span }) => span.spanId);

  it("are roots and spans whose parent belongs to another service", () => {
    expect(
      entries(
        { spanId: "root" },
        { spanId: "inner", parentSpanId: "root" },
        { spanId: "call", parentSpanId: "inner", kind: "CLIENT" },
        { spanId: "served", parentSpanId: "call", kind: "SERVER", service: "writer" },
        { spanId: "work", parentSpanId: "served", service: "writer" },
      ),
    ).toEqual(["root", "served"]);
  });

  it("are the SERVER spans of a service that calls itself", () => {
    expect(
      entries(
        { spanId: "root" },
        { spanId: "call", parentSpanId: "root", kind: "CLIENT" },
        { spanId: "served", parentSpanId: "call", kind: "SERVER" },
        { spanId: "not served", parentSpanId: "root", kind: "SERVER" },
      ),
    ).toEqual(["root", "served"]);
  });
});

describe("the correction of clocks", () => {
  const caller: SpanSketch[] = [
    { spanId: "root", end: 100 },
    { spanId: "call", parentSpanId: "root", kind: "CLIENT", start: 20, end: 60 },
  ];
  const served = (start: number, end: number, more: Partial<SpanSketch> = {}): SpanSketch[] => [
    { spanId: "served", parentSpanId: "call", kind: "SERVER", service: "writer", start, end, ...more },
    { spanId: "work", parentSpanId: "served", service: "writer", start: start + 5, end: end - 5 },
  ];
  const shifts = (nodes: SpanNode[]): Record<string, number> =>
    Object.fromEntries(nodes.map(({ span, shift }) => [span.spanId, shift]));

  it("moves a callee that seems to begin before its call into the middle of the call", () => {
    const nodes = tree(...caller, ...served(-1000, -980));
    expect(drawn(nodes).slice(1)).toEqual(["- call 20 to 60", "- - served 30 to 50", "- - - work 35 to 45"]);
    expect(shifts(nodes)).toEqual({ root: 0, call: 0, served: 1030, work: 1030 });
  });

  it("moves a callee that seems to begin after its call", () => {
    expect(drawn(tree(...caller, ...served(5000, 5020))).slice(2)).toEqual(["- - served 30 to 50", "- - - work 35 to 45"]);
  });

  it("lets a callee that is longer than its call begin with it", () => {
    expect(drawn(tree(...caller, ...served(5000, 5060)))[2]).toBe("- - served 20 to 80");
  });

  it("does not move a callee that continues after the caller has given up", () => {
    expect(shifts(tree(...caller, ...served(25, 90)))).toMatchObject({ served: 0 });
    expect(shifts(tree(...caller, ...served(19.5, 40)))).toMatchObject({ served: 0 });
    const failed = caller.map((span) => (span.spanId === "call" ? { ...span, status: "error" as const } : span));
    expect(shifts(tree(...failed, ...served(70, 90)))).toMatchObject({ served: 0 });
  });

  it("does not move the consumer of a message", () => {
    expect(shifts(tree(...caller, ...served(500, 520, { kind: "CONSUMER" })))).toMatchObject({ served: 0, work: 0 });
  });

  it("applies to further calls relative to the moved caller", () => {
    const deeper: SpanSketch[] = [
      { spanId: "on", parentSpanId: "served", kind: "CLIENT", service: "writer", start: 1005, end: 1015 },
      { spanId: "third", parentSpanId: "on", kind: "SERVER", service: "checker", start: 36, end: 44 },
    ];
    expect(shifts(tree(...caller, ...served(1000, 1020), ...deeper))).toMatchObject({ served: -970, on: -970, third: 0 });
  });
});
