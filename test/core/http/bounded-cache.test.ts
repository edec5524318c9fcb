import { describe, expect, it } from "vitest";
import { BoundedCache } from "../../../src/core/http/bounded-cache.ts";

describe("BoundedCache", () => {
  it("returns what was set and nothing else", () => {
    const cache = new BoundedCache<number>();
    for (let i = 0; i < 100; i++) cache.set(`text ${i}`, i);
    for (let i = 0; i < 100; i++) expect(cache.get(`text ${i}`)).toBe(i);
    expect(cache.get("text 100")).toBeUndefined();
    cache.set("text 1", -1);
    expect(cache.get("text 0")).toBe(0);
    expect(cache.get("text 1")).toBe(-1);
  });

  it("keeps only the last long key", () => {
    const cache = new BoundedCache<number>();
    const [first, second] = ["a".repeat(10_000), "b".repeat(10_000)];
    cache.set(first, 1);
    expect(cache.get(first)).toBe(1);
    cache.set(second, 2);
    expect(cache.get(first)).toBeUndefined();
    expect(cache.get(second)).toBe(2);
  });

  it("keeps 2048 keys and is emptied when another is set", () => {
    const cache = new BoundedCache<number>();
    for (let i = 0; i < 2048; i++) cache.set(`text ${i}`, i);
    expect(cache.get("text 0")).toBe(0);
    expect(cache.get("text 2047")).toBe(2047);
    cache.set("one more", -1);
    expect(cache.get("text 0")).toBeUndefined();
    expect(cache.get("text 2047")).toBeUndefined();
    expect(cache.get("one more")).toBe(-1);
  });

  it("keeps a key of 512 characters but not a longer one", () => {
    const cache = new BoundedCache<number>();
    const [kept, longer] = ["a".repeat(512), "b".repeat(513)];
    cache.set(kept, 1);
    cache.set(longer, 2);
    cache.set("last", 3);
    expect(cache.get(kept)).toBe(1);
    expect(cache.get(longer)).toBeUndefined();
  });
});
