import { expect, it } from "vitest";
import { BoundedCache } from "../../../src/core/http/bounded-cache.ts";

it("what was set is found again, and nothing else", () => {
  const recent = new BoundedCache<number>();
  for (let i = 0; i < 100; i++) recent.set(`text ${i}`, i);
  for (let i = 0; i < 100; i++) expect(recent.get(`text ${i}`)).toBe(i);
  expect(recent.get("text 100")).toBeUndefined();
  recent.set("text 1", -1);
  expect([recent.get("text 0"), recent.get("text 1")]).toEqual([0, -1]);
});

it("of long texts the last one is remembered", () => {
  const recent = new BoundedCache<number>();
  const [first, second] = ["a".repeat(10_000), "b".repeat(10_000)];
  recent.set(first, 1);
  expect(recent.get(first)).toBe(1);
  recent.set(second, 2);
  expect([recent.get(first), recent.get(second)]).toEqual([undefined, 2]);
});

it("some thousand texts are kept; with one more all are forgotten and learnt anew", () => {
  const recent = new BoundedCache<number>();
  for (let i = 0; i < 2048; i++) recent.set(`text ${i}`, i);
  expect([recent.get("text 0"), recent.get("text 2047")]).toEqual([0, 2047]);
  recent.set("one more", -1);
  expect([recent.get("text 0"), recent.get("text 2047"), recent.get("one more")]).toEqual([undefined, undefined, -1]);
});

it("a text of 512 characters is kept, a longer one is not", () => {
  const recent = new BoundedCache<number>();
  const [kept, longer] = ["a".repeat(512), "b".repeat(513)];
  recent.set(kept, 1);
  recent.set(longer, 2);
  recent.set("last", 3);
  expect([recent.get(kept), recent.get(longer)]).toEqual([1, undefined]);
});
