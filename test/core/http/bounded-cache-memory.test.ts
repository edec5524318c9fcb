import { expect, it } from "vitest";
import { BoundedCache } from "../../../src/core/http/bounded-cache.ts";

it("a million texts take no more memory than some thousand", () => {
  const recent = new BoundedCache<number>();
  const fill = (from: number): number => {
    for (let i = from; i < from + 500_000; i++) recent.set(`https://agent-${i}.example/tasks/${i}`, i);
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const before = fill(0);
  expect(fill(500_000) - before).toBeLessThan(2e6);
});
