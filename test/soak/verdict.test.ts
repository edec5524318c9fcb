import { describe, expect, it } from "vitest";
import type { Block, Memory } from "./messages.ts";
import type { Pair, Side } from "./pair.ts";
import { defectsOf } from "./verdict.ts";

const LOAD = { calls: 1000, block: 250, twin: 1, inFlight: 10, streams: 5, hold: 1 };
const SPANS = { started: 1005, ended: 1005, exported: 1005 };
const MEMORY: Memory = { heap: 40e6, resident: 90e6 };

const block = (delay: number): Block => ({
  seconds: 1,
  callsASecond: 250,
  cpu: 100,
  delay: { mean: delay, p99: delay, max: delay },
});

function side(more: Partial<Side> = {}): Side {
  const closed = { spans: SPANS, events: 10, handles: [] };
  const both = { client: MEMORY, server: MEMORY };
  return { calls: 1000, before: both, after: both, client: closed, server: closed, ...more };
}

const pair = (traced: Partial<Side>, delays: readonly (readonly [traced: number, plain: number])[] = [[5, 5]]): Pair => ({
  client: "fetch",
  load: LOAD,
  traced: side(traced),
  plain: side(),
  blocks: delays.map(([own, others]) => ({ traced: block(own), plain: block(others) })),
  seconds: 4,
});

describe("the verdict of the soak test", () => {
  it("finds no defect if spans, memory and delays are as expected", () => {
    expect(defectsOf(pair({}))).toEqual([]);
  });

  it.each(["started", "ended", "exported"])("reports a span that was not %s as lost", (which) => {
    const client = { spans: { ...SPANS, [which]: 1004 }, events: 10, handles: [] };
    expect(defectsOf(pair({ client }))).toEqual([expect.stringMatching(/^fetch: spans of fetch: 1005 expected/)]);
  });

  it("allows memory to grow by what caches take but not by more", () => {
    const grown = (bytes: number): Partial<Side> => ({
      after: { client: { ...MEMORY, heap: MEMORY.heap + bytes }, server: MEMORY },
    });
    expect(defectsOf(pair(grown(7e6)))).toEqual([]);
    expect(defectsOf(pair(grown(9e6)))).toEqual([expect.stringMatching(/memory of the client grew by 9000000 bytes/)]);
  });

  it("reports a longer delay only if most pairs of blocks show it", () => {
    const worse = [
      [40, 5],
      [40, 5],
      [40, 5],
    ] as const;
    expect(defectsOf(pair({}, [...worse, [5, 5]]))).toHaveLength(2);
    expect(defectsOf(pair({}, [...worse, [5, 5], [5, 5]]))).toEqual([]);
    // Less than twice the delay, then less than 10 ms more.
    expect(defectsOf(pair({}, [[70, 40]]))).toEqual([]);
    expect(defectsOf(pair({}, [[9, 1]]))).toEqual([]);
  });

  it("reports remaining handles and streams without events", () => {
    const client = { spans: SPANS, events: 0, handles: ["Timeout"] };
    expect(defectsOf(pair({ client }))).toEqual([
      "fetch: handles remain in the client process: Timeout",
      "fetch: the event streams delivered no events",
    ]);
  });
});
