import { expect, test } from "vitest";
import { Recent } from "../../src/core/recent.ts";

test("what was set is found again, and nothing else", () => {
  const recent = new Recent<number>();
  for (let i = 0; i < 100; i++) recent.set(`text ${i}`, i);
  for (let i = 0; i < 100; i++) expect(recent.get(`text ${i}`)).toBe(i);
  expect(recent.get("text 100")).toBeUndefined();
  recent.set("text 1", -1);
  expect([recent.get("text 0"), recent.get("text 1")]).toEqual([0, -1]);
});

test("of long texts the last one is remembered", () => {
  const recent = new Recent<number>();
  const [first, second] = ["a".repeat(10_000), "b".repeat(10_000)];
  recent.set(first, 1);
  expect(recent.get(first)).toBe(1);
  recent.set(second, 2);
  expect([recent.get(first), recent.get(second)]).toEqual([undefined, 2]);
});

test("a million texts take no more memory than some thousand", () => {
  const recent = new Recent<number>();
  const fill = (from: number): number => {
    for (let i = from; i < from + 500_000; i++) recent.set(`https://agent-${i}.example/tasks/${i}`, i);
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const before = fill(0);
  expect(fill(500_000) - before).toBeLessThan(2e6);
});
