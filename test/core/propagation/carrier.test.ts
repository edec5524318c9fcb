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

/** Headers as other libraries make them: no `Headers` and no `Map`, but with the same methods. */
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

describe("reading", () => {
  it.each<[string, unknown]>([
    ["a record", { "x-b": "2", "X-A": "1" }],
    ["a record with lists", { "x-a": ["1"], "set-cookie": [] }],
    ["a record without a prototype", Object.assign(Object.create(null) as object, { "X-a": "1" })],
    ["an array of pairs", [["X-A", "1"]]],
    ["a flat array", ["x-b", "2", "X-A", "1"]],
    ["Headers", new Headers({ "x-a": "1" })],
    ["a Map", new Map([["X-A", "1"]])],
    ["an iterable of pairs", new Set([["X-A", "1"]])],
    ["headers of a class of their own", new OwnHeaders([["X-A", "1"]])],
    ["headers to be read as a record", new PlainHeaders({ "X-A": "1", get: () => "never" })],
  ])("%s, in any letter case", (_, headers) => {
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
  ])("several values are one list: %s", (_, headers) => {
    expect(readHeader(headers, "x-a")).toBe("1,2");
  });

  it.each([undefined, null, "x-a: 1", 7, [], {}, new Map(), { "x-a": undefined }, { "x-a": 1 }, ["x-a"]])(
    "nothing in %j",
    (headers) => {
      expect(readHeader(headers, "x-a")).toBeUndefined();
    },
  );

  it("names are the same whatever their letter case", () => {
    const same: [string, string][] = [
      ["TraceParent", "traceparent"],
      ["a", "a"],
      ["", ""],
      ["x-a", "X-A"],
    ];
    const other: [string, string][] = [
      ["a", "ab"],
      ["a", "b"],
      ["ab", "bb"],
      ["ab", "ac"],
      ["a", ""],
    ];
    expect([same, other].map((pairs) => pairs.map(([a, b]) => sameName(a, b)))).toEqual([
      same.map(() => true),
      other.map(() => false),
    ]);
  });
});

describe("a copy with headers added", () => {
  it.each<[string, object, object]>([
    ["a record", Object.freeze(Object.fromEntries(PAIRS)), Object.fromEntries(KEPT)],
    ["pairs", Object.freeze(PAIRS), KEPT],
    ["a flat array", Object.freeze(PAIRS.flat()), KEPT.flat()],
    ["Headers", new Headers(PAIRS), new Headers(KEPT)],
    ["a Map", new Map(PAIRS), new Map(KEPT)],
  ])("has the shape of %s, which stays as it was", (_, headers, wanted) => {
    const before = structuredCloneOf(headers);
    const copy = withHeaders(headers, ADDED, REPLACED);
    expect(copy).toEqual(wanted);
    expect((copy as object).constructor).toBe(headers.constructor);
    expect(copy).not.toBe(headers);
    expect(structuredCloneOf(headers)).toEqual(before);
  });

  it("made again from its own result it does not grow", () => {
    for (const headers of [Object.fromEntries(PAIRS), PAIRS, PAIRS.flat(), new Headers(PAIRS), new Map(PAIRS)]) {
      const once = withHeaders(headers, ADDED, REPLACED);
      const again = withHeaders(once, ADDED, REPLACED);
      expect(again).toEqual(once);
    }
  });

  it("nothing, or no headers at all: what is added", () => {
    for (const headers of [undefined, null]) expect(withHeaders(headers, ADDED, REPLACED)).toEqual(ADDED);
  });

  it("no name is replaced unless it is asked for", () => {
    expect(withHeaders({ baggage: "old", "x-a": "1" }, { traceparent: "new" }, [])).toEqual({
      baggage: "old",
      "x-a": "1",
      traceparent: "new",
    });
  });

  it("Headers and a Map of a class that is made in another way keep all that they have", () => {
    const copy = withHeaders(new TokenHeaders("Bearer s3"), ADDED, REPLACED);
    const headers = new Headers(copy as HeadersInit);
    expect([headers.get("authorization"), headers.get("traceparent")]).toEqual(["Bearer s3", "new"]);
    expect(withHeaders(new ListMap("x-a"), ADDED, REPLACED)).toEqual(new Map(Object.entries({ "x-a": "1", ...ADDED })));
  });

  it("headers of a class of their own stay of it, and become pairs where they cannot be made again", () => {
    const copy = withHeaders(new OwnHeaders(PAIRS), ADDED, REPLACED);
    expect(copy).toBeInstanceOf(OwnHeaders);
    expect(new Headers(Array.from(copy as OwnHeaders))).toEqual(new Headers(KEPT));
    for (const made of [new KeyedHeaders({ pairs: PAIRS }), new CheckedHeaders({ pairs: PAIRS })]) {
      expect(withHeaders(made, ADDED, REPLACED)).toEqual(KEPT.map(([name, value]) => [name.toLowerCase(), value]));
    }
  });

  it("an iterable of pairs becomes an array of them", () => {
    expect(withHeaders(new Set(PAIRS), ADDED, REPLACED)).toEqual(KEPT);
  });

  it("names in a flat array that are no text stay", () => {
    expect(withHeaders(["x-a", "1", 7, "2", "baggage", "old"], ADDED, REPLACED)).toEqual([
      "x-a",
      "1",
      7,
      "2",
      ...Object.entries(ADDED).flat(),
    ]);
  });

  it("several cookies stay several", () => {
    const headers = new Headers([
      ["set-cookie", "a"],
      ["set-cookie", "b"],
    ]);
    expect((withHeaders(headers, ADDED, REPLACED) as Headers).getSetCookie()).toEqual(["a", "b"]);
  });

  it("symbols and values of other types of a record stay", () => {
    const key = Symbol("key");
    const headers = { [key]: 1, "x-n": 7, "x-u": undefined };
    expect(withHeaders(headers, ADDED, REPLACED)).toEqual({ ...headers, ...ADDED });
  });
});

describe("writing in place", () => {
  it.each<[string, object, object]>([
    ["a record", Object.fromEntries(PAIRS), Object.fromEntries(KEPT)],
    ["pairs", [...PAIRS], KEPT],
    ["a flat array", PAIRS.flat(), KEPT.flat()],
    ["an empty array becomes pairs", [], Object.entries(ADDED)],
    ["Headers", new Headers(PAIRS), new Headers(KEPT)],
    ["a Map", new Map(PAIRS), new Map(KEPT)],
    ["headers of a class of their own", new OwnHeaders(PAIRS), new OwnHeaders(KEPT)],
  ])("%s", (_, carrier, wanted) => {
    writeHeaders(carrier, ADDED, REPLACED);
    expect(carrier).toEqual(wanted);
  });
});

describe("what an iterator yields", () => {
  const pair = ["a", "1"];
  function* yields(error?: unknown): Generator<string[]> {
    yield pair;
    if (error !== undefined) throw error;
  }

  it("can be read as often as one likes", () => {
    const read = bufferIterable(yields());
    expect([Array.from(read), Array.from(read)]).toEqual([[pair], [pair]]);
  });

  it("can be read to its error, as often as one likes", () => {
    const error = new Error("broken off");
    const read = bufferIterable(yields(error));
    for (let i = 0; i < 2; i++) {
      const seen: unknown[] = [];
      expect(() => {
        for (const item of read) seen.push(item);
      }).toThrow(error);
      expect(seen).toEqual([pair]);
    }
  });
});

it("a record stays one where somebody has given all objects an iterator", () => {
  const prototype = Object.prototype as { [Symbol.iterator]?: unknown };
  prototype[Symbol.iterator] = function* everything() {};
  try {
    expect(readHeader({ "x-a": "1" }, "x-a")).toBe("1");
    expect(withHeaders({ "x-a": "1" }, ADDED, REPLACED)).toEqual({ "x-a": "1", ...ADDED });
  } finally {
    delete prototype[Symbol.iterator];
  }
});

it("whatever the headers: what was read before is read after, but for what was replaced", () => {
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
        expect([readHeader(copy, "traceparent"), readHeader(copy, "baggage"), readHeader(copy, "tracestate")]).toEqual([
          "new",
          "new=1",
          undefined,
        ]);
      }
    }),
    { numRuns: 100 },
  );
});

function structuredCloneOf(headers: object): unknown {
  if (Array.isArray(headers)) return structuredClone(headers);
  return Symbol.iterator in headers ? [...(headers as Iterable<unknown>)] : { ...headers };
}
