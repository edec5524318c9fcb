import { types } from "node:util";
import { expect, it } from "vitest";
import { copyWithHeaders } from "../../../src/core/propagation/copy-with-headers.ts";

const HEADERS = { traceparent: "new" };

class Options {
  #signal = "signal";
  method = "POST";
  get signal(): string {
    return this.#signal;
  }
}

it.each<[string, object]>([
  ["a plain object", { method: "POST", headers: { a: "1" } }],
  ["an object without a prototype", Object.assign(Object.create(null) as object, { method: "POST" })],
])("%s becomes a copy", (_, options) => {
  const before = { ...options };
  const copy = copyWithHeaders(options, HEADERS);
  expect(types.isProxy(copy)).toBe(false);
  expect({ ...copy }).toEqual({ method: "POST", headers: HEADERS });
  expect(copy).not.toBe(options);
  expect({ ...options }).toEqual(before);
});

it("of an object of a class everything is there, what it inherits and keeps private too, but for its headers", () => {
  const options = new Options();
  const seen = copyWithHeaders(options, HEADERS) as Options & { headers?: unknown };
  expect([seen.method, seen.signal, seen.headers]).toEqual(["POST", "signal", HEADERS]);
  expect(seen).toBeInstanceOf(Options);
  expect(["method" in seen, "signal" in seen, "headers" in seen, "body" in seen]).toEqual([true, true, true, false]);
  expect(Object.keys(seen)).toEqual(["method", "headers"]);
  expect(Object.assign({}, seen)).toEqual({ method: "POST", headers: HEADERS });
  expect("headers" in options).toBe(false);
});

it("its properties are told as they are", () => {
  const options = Object.freeze(Object.assign(new Options(), { headers: { a: "1" } }));
  const seen = copyWithHeaders(options, HEADERS);
  expect(Object.keys(seen)).toEqual(["method", "headers"]);
  expect(Object.getOwnPropertyDescriptor(seen, "headers")).toEqual({
    configurable: true,
    enumerable: true,
    writable: true,
    value: HEADERS,
  });
  expect(Object.getOwnPropertyDescriptor(seen, "method")).toEqual({
    configurable: true,
    enumerable: true,
    writable: false,
    value: "POST",
  });
  expect(Object.getOwnPropertyDescriptor(seen, "signal")).toBeUndefined();
});
