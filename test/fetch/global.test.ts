import { afterEach, beforeEach, expect, it } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";

const property = Object.getOwnPropertyDescriptor(globalThis, "fetch") as PropertyDescriptor;
const prototype = Object.getPrototypeOf(globalThis) as object;
const platform = globalThis.fetch;
const place = (target: object, more: PropertyDescriptor): void =>
  void Object.defineProperty(target, "fetch", { configurable: true, enumerable: true, writable: true, value: platform, ...more });
beforeEach(() => void Reflect.deleteProperty(globalThis, "fetch"));
afterEach(() => {
  Reflect.deleteProperty(prototype, "fetch");
  Object.defineProperty(globalThis, "fetch", property);
});

it("throws where the runtime has no global fetch", () => {
  expect(() => instrumentFetch()).toThrow("instrumentFetch: this runtime has no global fetch");
});

it("restores an inherited fetch", () => {
  place(prototype, {});
  const undo = instrumentFetch();
  expect(globalThis.fetch).not.toBe(platform);
  expect(Object.getOwnPropertyDescriptor(globalThis, "fetch")?.enumerable).toBe(true);
  undo();
  expect(Object.hasOwn(globalThis, "fetch")).toBe(false);
  expect(globalThis.fetch).toBe(platform);
});

it("restores a getter and keeps its enumerability", () => {
  const getter = { configurable: true, enumerable: false, get: () => platform };
  Object.defineProperty(globalThis, "fetch", getter);
  const undo = instrumentFetch();
  expect(Object.getOwnPropertyDescriptor(globalThis, "fetch")?.enumerable).toBe(false);
  undo();
  expect(Object.getOwnPropertyDescriptor(globalThis, "fetch")).toMatchObject(getter);
});

it("leaves a later wrapper in place when it is undone, and then only passes calls on", async () => {
  place(globalThis, {});
  const undo = instrumentFetch();
  const ours = globalThis.fetch;
  const theirs: typeof fetch = (...args) => ours(...args);
  globalThis.fetch = theirs;
  undo();
  expect(globalThis.fetch).toBe(theirs);
  expect(await (await fetch("data:,hello")).text()).toBe("hello");
});
