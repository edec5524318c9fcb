import { array, assert, boolean, property, tuple, nat } from "fast-check";
import { describe, expect, it } from "vitest";
import type { Calls } from "../../src/view/model/calls.ts";
import { layOutGraph } from "../../src/view/browser/graph.ts";
import type { Graph } from "../../src/view/browser/graph.ts";

const call = (caller: string, callee: string, outside = false): Calls => ({
  caller,
  callee,
  outside,
  calls: 1,
  errors: 0,
  total: 1,
  slowest: 1,
});
const place = (graph: Graph, name: string): { x: number; y: number } => {
  const node = graph.nodes.find((one) => one.name === name);
  return { x: node?.x ?? Number.NaN, y: node?.y ?? Number.NaN };
};

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const overlap = (a: Box, b: Box): boolean =>
  Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2;

describe("layOutGraph()", () => {
  it("places callees to the right of their callers", () => {
    const graph = layOutGraph(["a", "b", "c", "d"], [call("a", "b"), call("b", "c"), call("a", "c"), call("c", "d")]);
    const xs = ["a", "b", "c", "d"].map((name) => place(graph, name).x);
    expect(xs).toEqual(xs.toSorted((one, other) => one - other));
    expect(new Set(xs).size).toBe(4);
  });

  it("draws a call back from right to left", () => {
    const graph = layOutGraph(["a", "b"], [call("a", "b"), call("b", "a")]);
    expect(place(graph, "a").x).toBeLessThan(place(graph, "b").x);
    const [there, back] = graph.edges.map(
      ({ path }) => (/^M(\S+) .* (\S+) \S+$/.exec(path) ?? []).slice(1).map(Number) as [number, number],
    );
    expect(there?.[0]).toBeLessThan(there?.[1] ?? 0);
    expect(back?.[0]).toBeGreaterThan(back?.[1] ?? Infinity);
  });

  it("shows calls to itself in the node, and calls to the outside with a node of their own", () => {
    const graph = layOutGraph(["a"], [call("a", "a"), call("a", "a", true)]);
    expect(graph.nodes.map(({ name, outside, self }) => [name, outside, self?.calls])).toEqual([
      ["a", false, 1],
      ["a", true, undefined],
    ]);
    expect(graph.edges).toHaveLength(1);
  });

  it("draws a single agent, and an empty graph without agents", () => {
    expect(layOutGraph(["a"], []).nodes).toHaveLength(1);
    expect(layOutGraph([], [])).toMatchObject({ width: 0, nodes: [], edges: [] });
  });

  it("does not draw graphs that are too large", () => {
    const names = Array.from({ length: 41 }, (_, index) => `agent ${index}`);
    expect(layOutGraph(names, [])).toMatchObject({ tooMany: true, nodes: [] });
    expect(layOutGraph(names.slice(1), [])).toMatchObject({ tooMany: false });
  });

  it("never overlaps nodes and labels, and keeps all of them inside the drawing", () => {
    const calls = array(tuple(nat(11), nat(11), boolean()), { maxLength: 30 });
    assert(
      property(calls, (pairs) => {
        const names = Array.from({ length: 12 }, (_, index) => `agent ${index}`);
        const different = new Map(
          pairs.map(([from, to, outside]) => [`${from} ${to} ${outside}`, call(`agent ${from}`, `agent ${to}`, outside)]),
        );
        const graph = layOutGraph(names, [...different.values()]);
        const labels = graph.edges.map(({ x, y }) => ({ x, y, width: 100, height: 40 }));
        const boxes = [...graph.nodes, ...labels];
        for (const [index, box] of boxes.entries()) {
          expect(boxes.slice(index + 1).some((other) => overlap(box, other))).toBe(false);
          expect(box.x - box.width / 2).toBeGreaterThanOrEqual(0);
          expect(box.y - box.height / 2).toBeGreaterThanOrEqual(0);
          expect(box.x + box.width / 2).toBeLessThanOrEqual(graph.width);
          expect(box.y + box.height / 2).toBeLessThanOrEqual(graph.height);
        }
        for (const { path } of graph.edges) expect(path).toMatch(/^M-?[\d.]+ -?[\d.]+(C(-?[\d.]+ ?){6})+$/);
      }),
    );
  });
});
