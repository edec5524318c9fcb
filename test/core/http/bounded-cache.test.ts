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

  it("is emptied when its keys have more than 1,048,576 characters", () => {
    const cache = new BoundedCache<number>();
    const key = (i: number): string => String(i).padStart(1 << 14, "0");
    for (let i = 0; i < 64; i++) cache.set(key(i), i);
    cache.set(key(63), -1);
    expect(cache.get(key(0))).toBe(0);
    expect(cache.get(key(63))).toBe(-1);
    cache.set("1", 1);
    expect(cache.get(key(0))).toBeUndefined();
    expect(cache.get("1")).toBe(1);
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

  it("keeps a key of 16,384 characters but not a longer one", () => {
    const cache = new BoundedCache<number>();
    const [kept, longer] = ["a".repeat(16_384), "b".repeat(16_385)];
    cache.set(kept, 1);
    cache.set(longer, 2);
    cache.set("last", 3);
    expect(cache.get(kept)).toBe(1);
    expect(cache.get(longer)).toBeUndefined();
  });
});
