import { types } from "node:util";
import { describe, expect, it } from "vitest";
import { copyWithHeaders } from "../../../src/core/propagation/copy-with-headers.ts";

const HEADERS = { traceparent: "new" };

class Options {
  #signal = "signal";
  method = "POST";
  get signal(): string {
    return this.#signal;
  }
}

describe("copyWithHeaders()", () => {
  it.each<[string, object]>([
    ["a plain object", { method: "POST", headers: { a: "1" } }],
    ["an object without a prototype", Object.assign(Object.create(null) as object, { method: "POST" })],
  ])("copies %s", (_, options) => {
    const before = { ...options };
    const copy = copyWithHeaders(options, HEADERS);
    expect(types.isProxy(copy)).toBe(false);
    expect({ ...copy }).toEqual({ method: "POST", headers: HEADERS });
    expect(copy).not.toBe(options);
    expect({ ...options }).toEqual(before);
  });

  it("keeps inherited and private members of a class instance and replaces its headers", () => {
    const options = new Options();
    const copy = copyWithHeaders(options, HEADERS) as Options & { headers?: unknown };
    expect(copy.method).toBe("POST");
    expect(copy.signal).toBe("signal");
    expect(copy.headers).toEqual(HEADERS);
    expect(copy).toBeInstanceOf(Options);
    for (const name of ["method", "signal", "headers"]) expect(name in copy, name).toBe(true);
    expect("body" in copy).toBe(false);
    expect(Object.keys(copy)).toEqual(["method", "headers"]);
    expect(Object.assign({}, copy)).toEqual({ method: "POST", headers: HEADERS });
    expect("headers" in options).toBe(false);
  });

  it("reports the property descriptors of a frozen class instance", () => {
    const options = Object.freeze(Object.assign(new Options(), { headers: { a: "1" } }));
    const copy = copyWithHeaders(options, HEADERS);
    expect(Object.keys(copy)).toEqual(["method", "headers"]);
    expect(Object.getOwnPropertyDescriptor(copy, "headers")).toEqual({
      configurable: true,
      enumerable: true,
      writable: true,
      value: HEADERS,
    });
    expect(Object.getOwnPropertyDescriptor(copy, "method")).toEqual({
      configurable: true,
      enumerable: true,
      writable: false,
      value: "POST",
    });
    expect(Object.getOwnPropertyDescriptor(copy, "signal")).toBeUndefined();
  });
});
