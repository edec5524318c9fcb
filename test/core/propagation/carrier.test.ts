import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  PlainHeaders,
  bufferIterable,
  readHeader,
  readHeaders,
  sameName,
  withHeaders,
  writeHeaders,
} from "../../../src/core/propagation/carrier.ts";

const ADDED = { traceparent: "new", baggage: "new=1" };
const REPLACED = ["traceparent", "tracestate", "baggage"];
const PAIRS: [string, string][] = [
  ["Accept", "text/plain"],
  ["TraceParent", "old"],
  ["x-a", "1"],
  ["TRACESTATE", "old"],
];
const KEPT: [string, string][] = [
  ["Accept", "text/plain"],
  ["x-a", "1"],
  ["traceparent", "new"],
  ["baggage", "new=1"],
];

class ListMap extends Map<string, string> {
  constructor(...names: string[]) {
    super(names.map((name) => [name, "1"]));
  }
}
class TokenHeaders extends Headers {
  constructor(token: string) {
    super({ authorization: token });
  }
}

/** A headers class of another library: neither a `Headers` nor a `Map`, but with the same methods. */
class OwnHeaders {
  readonly #pairs: Map<string, string>;
  constructor(init: Iterable<readonly [string, string]> = []) {
    this.#pairs = new Map(Array.from(init, ([name, value]) => [name.toLowerCase(), value]));
  }
  get(name: string): string | null {
    return this.#pairs.get(name.toLowerCase()) ?? null;
  }
  set(name: string, value: string): void {
    this.#pairs.set(name.toLowerCase(), value);
  }
  delete(name: string): void {
    this.#pairs.delete(name.toLowerCase());
  }
  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#pairs.entries();
  }
}
class KeyedHeaders extends OwnHeaders {
  constructor(key: { pairs: [string, string][] }) {
    super(key.pairs);
  }
}
class CheckedHeaders extends KeyedHeaders {
  constructor(key: { pairs: [string, string][] }) {
    super(key);
    if (key.pairs === undefined) throw new TypeError("no key");
  }
}

describe("readHeaders() and readHeader()", () => {
  it.each<[string, unknown]>([
    ["a record", { "x-b": "2", "X-A": "1" }],
    ["a record with lists", { "x-a": ["1"], "set-cookie": [] }],
    ["a record without a prototype", Object.assign(Object.create(null) as object, { "X-a": "1" })],
    ["an array of pairs", [["X-A", "1"]]],
    ["a flat array", ["x-b", "2", "X-A", "1"]],
    ["Headers", new Headers({ "x-a": "1" })],
    ["a Map", new Map([["X-A", "1"]])],
    ["an iterable of pairs", new Set([["X-A", "1"]])],
    ["headers of another class", new OwnHeaders([["X-A", "1"]])],
    ["headers marked as a plain record", new PlainHeaders({ "X-A": "1", get: () => "never" })],
  ])("read %s in any letter case", (_, headers) => {
    expect(readHeaders(headers, ["x-a", "x-c"])).toEqual({ "x-a": "1" });
    expect(readHeader(headers, "X-a")).toBe("1");
    expect(readHeaders(headers, ["x-none"])).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ["a record", { "x-a": ["1", "2"] }],
    ["a record in two letter cases", { "x-a": "1", "X-A": "2" }],
    [
      "pairs",
      [
        ["x-a", "1"],
        ["X-A", "2"],
      ],
    ],
    ["a flat array", ["x-a", "1", "X-A", "2"]],
    ["a flat array with a list", ["x-a", ["1", "2"]]],
    [
      "a Map",
      new Map([
        ["x-a", "1"],
        ["X-A", "2"],
      ]),
    ],
  ])("join several values of %s into one list", (_, headers) => {
    expect(readHeader(headers, "x-a")).toBe("1,2");
  });

  it.each([undefined, null, "x-a: 1", 7, [], {}, new Map(), { "x-a": undefined }, { "x-a": 1 }, ["x-a"]])(
    "find nothing in %j",
    (headers) => {
      expect(readHeader(headers, "x-a")).toBeUndefined();
    },
  );
});

describe("sameName()", () => {
  it.each([
    ["TraceParent", "traceparent", true],
    ["a", "a", true],
    ["", "", true],
    ["x-a", "X-A", true],
    ["a", "ab", false],
    ["a", "b", false],
    ["ab", "bb", false],
    ["ab", "ac", false],
    ["a", "", false],
  ])("of %j and %j is %s", (name, other, expected) => {
    expect(sameName(name, other)).toBe(expected);
  });
});

describe("withHeaders()", () => {
  it.each<[string, object, object]>([
    ["a record", Object.freeze(Object.fromEntries(PAIRS)), Object.fromEntries(KEPT)],
    ["pairs", Object.freeze(PAIRS), KEPT],
    ["a flat array", Object.freeze(PAIRS.flat()), KEPT.flat()],
    ["Headers", new Headers(PAIRS), new Headers(KEPT)],
    ["a Map", new Map(PAIRS), new Map(KEPT)],
  ])("returns a copy in the shape of %s and leaves the original unchanged", (_, headers, wanted) => {
    const before = snapshot(headers);
    const copy = withHeaders(headers, ADDED, REPLACED);
    expect(copy).toEqual(wanted);
    expect((copy as object).constructor).toBe(headers.constructor);
    expect(copy).not.toBe(headers);
    expect(snapshot(headers)).toEqual(before);
  });

  it("adds nothing when applied to its own result", () => {
    for (const headers of [Object.fromEntries(PAIRS), PAIRS, PAIRS.flat(), new Headers(PAIRS), new Map(PAIRS)]) {
      const once = withHeaders(headers, ADDED, REPLACED);
      const again = withHeaders(once, ADDED, REPLACED);
      expect(again).toEqual(once);
    }
  });

  it("returns the added headers if there are no headers", () => {
    for (const headers of [undefined, null]) expect(withHeaders(headers, ADDED, REPLACED)).toEqual(ADDED);
  });

  it("replaces only the given names", () => {
    expect(withHeaders({ baggage: "old", "x-a": "1" }, { traceparent: "new" }, [])).toEqual({
      baggage: "old",
      "x-a": "1",
      traceparent: "new",
    });
  });

  it("keeps all headers of a subclass of Headers or Map with another constructor", () => {
    const copy = withHeaders(new TokenHeaders("Bearer s3"), ADDED, REPLACED);
    const headers = new Headers(copy as HeadersInit);
    expect(headers.get("authorization")).toBe("Bearer s3");
    expect(headers.get("traceparent")).toBe("new");
    expect(withHeaders(new ListMap("x-a"), ADDED, REPLACED)).toEqual(new Map(Object.entries({ "x-a": "1", ...ADDED })));
  });

  it("keeps the class of other headers, or returns pairs if its constructor does not accept pairs", () => {
    const copy = withHeaders(new OwnHeaders(PAIRS), ADDED, REPLACED);
    expect(copy).toBeInstanceOf(OwnHeaders);
    expect(new Headers(Array.from(copy as OwnHeaders))).toEqual(new Headers(KEPT));
    for (const made of [new KeyedHeaders({ pairs: PAIRS }), new CheckedHeaders({ pairs: PAIRS })]) {
      expect(withHeaders(made, ADDED, REPLACED)).toEqual(KEPT.map(([name, value]) => [name.toLowerCase(), value]));
    }
  });

  it("turns an iterable of pairs into an array", () => {
    expect(withHeaders(new Set(PAIRS), ADDED, REPLACED)).toEqual(KEPT);
  });

  it("keeps names in a flat array that are not strings", () => {
    expect(withHeaders(["x-a", "1", 7, "2", "baggage", "old"], ADDED, REPLACED)).toEqual([
      "x-a",
      "1",
      7,
      "2",
      ...Object.entries(ADDED).flat(),
    ]);
  });

  it("keeps several Set-Cookie headers apart", () => {
    const headers = new Headers([
      ["set-cookie", "a"],
      ["set-cookie", "b"],
    ]);
    expect((withHeaders(headers, ADDED, REPLACED) as Headers).getSetCookie()).toEqual(["a", "b"]);
  });

  it("keeps symbols and values of other types in a record", () => {
    const key = Symbol("key");
    const headers = { [key]: 1, "x-n": 7, "x-u": undefined };
    expect(withHeaders(headers, ADDED, REPLACED)).toEqual({ ...headers, ...ADDED });
  });
});

describe("writeHeaders()", () => {
  it.each<[string, object, object]>([
    ["a record", Object.fromEntries(PAIRS), Object.fromEntries(KEPT)],
    ["pairs", [...PAIRS], KEPT],
    ["a flat array", PAIRS.flat(), KEPT.flat()],
    ["an empty array, as pairs", [], Object.entries(ADDED)],
    ["Headers", new Headers(PAIRS), new Headers(KEPT)],
    ["a Map", new Map(PAIRS), new Map(KEPT)],
    ["headers of another class", new OwnHeaders(PAIRS), new OwnHeaders(KEPT)],
  ])("writes in place to %s", (_, carrier, wanted) => {
    writeHeaders(carrier, ADDED, REPLACED);
    expect(carrier).toEqual(wanted);
  });
});

describe("bufferIterable()", () => {
  const pair = ["a", "1"];
  function* yields(error?: unknown): Generator<string[]> {
    yield pair;
    if (error !== undefined) throw error;
  }

  it("makes an iterator readable several times", () => {
    const buffered = bufferIterable(yields());
    for (let i = 0; i < 2; i++) expect(Array.from(buffered)).toEqual([pair]);
  });

  it("rethrows the error of the iterator at the same position each time", () => {
    const error = new Error("iterator failed");
    const buffered = bufferIterable(yields(error));
    for (let i = 0; i < 2; i++) {
      const seen: unknown[] = [];
      expect(() => {
        for (const item of buffered) seen.push(item);
      }).toThrow(error);
      expect(seen).toEqual([pair]);
    }
  });
});

it("treats a record as a record even if Object.prototype has an iterator", () => {
  const prototype = Object.prototype as { [Symbol.iterator]?: unknown };
  prototype[Symbol.iterator] = function* everything() {};
  try {
    expect(readHeader({ "x-a": "1" }, "x-a")).toBe("1");
    expect(withHeaders({ "x-a": "1" }, ADDED, REPLACED)).toEqual({ "x-a": "1", ...ADDED });
  } finally {
    delete prototype[Symbol.iterator];
  }
});

it("keeps every header that is not replaced, in every shape", () => {
  const token = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9-]{0,10}$/);
  const names = fc.oneof(token, fc.constantFrom("TraceParent", "traceparent", "BAGGAGE", "tracestate"));
  const entries = fc.uniqueArray(fc.tuple(names, fc.stringMatching(/^[a-z0-9]{1,8}$/)), {
    selector: ([name]) => name.toLowerCase(),
  });
  fc.assert(
    fc.property(entries, (pairs) => {
      for (const headers of [Object.fromEntries(pairs), pairs, pairs.flat(), new Headers(pairs), new Map(pairs)]) {
        const copy = withHeaders(headers, ADDED, REPLACED);
        const kept = pairs.filter(([name]) => !REPLACED.includes(name.toLowerCase()));
        expect(kept.map(([name]) => [name, readHeader(copy, name)])).toEqual(kept);
        expect(readHeaders(copy, REPLACED)).toEqual({ traceparent: "new", baggage: "new=1" });
      }
    }),
    { numRuns: 100 },
  );
});

function snapshot(headers: object): unknown {
  if (Array.isArray(headers)) return structuredClone(headers);
  return Symbol.iterator in headers ? [...(headers as Iterable<unknown>)] : { ...headers };
}
