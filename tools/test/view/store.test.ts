import { describe, expect, it } from "vitest";
import { createStore } from "../../src/view/store.ts";
import type { Store, StoreLimits } from "../../src/view/store.ts";
import type { Span } from "../../src/view/span.ts";
import { spanOf } from "./spans.ts";

const store = (limits: Partial<StoreLimits> = {}): Store =>
  createStore({ maxTraces: 3, maxSpansPerTrace: 4, maxBytes: 100_000, ...limits });

/** A span of the trace with this number. */
function inTrace(trace: number, span: number, more: Partial<Span> = {}): Span {
  return { ...spanOf({ spanId: String(span).padStart(16, "0") }), traceId: String(trace).repeat(32), ...more };
}
const ids = (kept: Store): string[] =>
  kept.traces().map(({ traceId, spans }) => `${traceId[0]}: ${spans.map(({ spanId }) => spanId.slice(-1)).join("")}`);

describe("the store", () => {
  it("stores spans by trace, newest trace first, spans in the order of their arrival", () => {
    const kept = store();
    expect(kept.add([inTrace(1, 2), inTrace(1, 1), inTrace(2, 1)])).toBe(0);
    kept.add([inTrace(1, 3)]);
    expect(ids(kept)).toEqual(["2: 1", "1: 213"]);
    expect(kept.get("1".repeat(32))?.spans).toHaveLength(3);
    expect(kept.get("9".repeat(32))).toBeUndefined();
  });

  it("evicts the trace that has not received a span for the longest time", () => {
    const kept = store();
    kept.add([inTrace(1, 1), inTrace(2, 1), inTrace(3, 1), inTrace(1, 2), inTrace(4, 1)]);
    expect(ids(kept)).toEqual(["4: 1", "3: 1", "1: 12"]);
    expect(kept.evicted()).toBe(1);
  });

  it("refuses spans beyond a trace's limit, and counts them", () => {
    const kept = store();
    expect(kept.add([1, 2, 3, 4, 5, 6].map((span) => inTrace(1, span)))).toBe(2);
    expect(kept.get("1".repeat(32))).toMatchObject({ refused: 2, spans: [{}, {}, {}, {}] });
  });

  it("evicts traces if the total size is too large", () => {
    const kept = store({ maxBytes: 1200 });
    kept.add([inTrace(1, 1), inTrace(2, 1), inTrace(3, 1)]);
    expect(ids(kept)).toEqual(["3: 1", "2: 1"]);
  });

  it("limits the size of a single trace", () => {
    const kept = store({ maxBytes: 1200 });
    expect(kept.add([inTrace(1, 1), inTrace(1, 2), inTrace(1, 3)])).toBe(1);
    expect(ids(kept)).toEqual(["1: 12"]);
    expect(kept.add([inTrace(2, 1, { size: 5000 })])).toBe(1);
  });

  it("replaces a span that is received again", () => {
    const kept = store({ maxBytes: 1000 });
    for (let time = 0; time < 10; time++) expect(kept.add([inTrace(1, 1, { name: `time ${time}` })])).toBe(0);
    expect(kept.get("1".repeat(32))?.spans.map(({ name }) => name)).toEqual(["time 9"]);
    expect(kept.add([inTrace(1, 2)])).toBe(0);
  });

  it("does not replace a span by one without an end", () => {
    const kept = store();
    const end = (): (bigint | undefined)[] | undefined => kept.get("1".repeat(32))?.spans.map((span) => span.end);
    kept.add([inTrace(1, 1, { end: undefined })]);
    expect(end()).toEqual([undefined]);
    kept.add([inTrace(1, 1, { end: 5n })]);
    kept.add([inTrace(1, 1, { end: undefined })]);
    expect(end()).toEqual([5n]);
  });

  it("returns the same object until the trace changes", () => {
    const kept = store();
    kept.add([inTrace(1, 1), inTrace(2, 1)]);
    const [second, first] = kept.traces();
    kept.add([inTrace(1, 2)]);
    expect(kept.traces()[0]).toBe(second);
    expect(kept.traces()[1]).not.toBe(first);
    expect(kept.traces()[1]?.revision).toBeGreaterThan(first?.revision ?? Infinity);
  });

  it("notifies listeners of changes until they are removed, and deletes everything when cleared", () => {
    const kept = store();
    let changes = 0;
    const stop = kept.watch(() => changes++);
    kept.add([inTrace(1, 1), inTrace(1, 2)]);
    kept.add([]);
    expect(changes).toBe(1);
    kept.clear();
    expect(changes).toEqual(2);
    expect(kept.traces()).toEqual([]);
    stop();
    kept.add([inTrace(1, 1)]);
    expect(changes).toBe(2);
  });

  it("releases the size when cleared", () => {
    const kept = store({ maxBytes: 1000 });
    for (let time = 0; time < 5; time++) {
      expect(kept.add([inTrace(1, 1), inTrace(1, 2)])).toBe(0);
      kept.clear();
    }
  });
});
