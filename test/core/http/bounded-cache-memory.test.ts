import { expect, it } from "vitest";
import { BoundedCache } from "../../../src/core/http/bounded-cache.ts";

it("keeps the memory of a BoundedCache bounded for a million keys", () => {
  const cache = new BoundedCache<number>();
  const fill = (from: number): number => {
    for (let i = from; i < from + 500_000; i++) cache.set(`https://agent-${i}.example/tasks/${i}`, i);
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const before = fill(0);
  expect(fill(500_000) - before).toBeLessThan(2e6);
});
