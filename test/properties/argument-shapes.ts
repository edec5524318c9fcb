import { AxiosHeaders } from "axios";

// Different shapes of the same argument. All but the first of each disable an optimised code path.

type Pair = [name: string, value: string];
type Given = Record<string, unknown>;

/** An instance of a class whose getters read private members. */
function ofClass(given: Given): object {
  class Options {
    readonly #given = given;
    static read(options: Options, name: string): unknown {
      return options.#given[name];
    }
  }
  for (const name of Object.keys(given)) {
    const get = function (this: Options): unknown {
      return Options.read(this, name);
    };
    Object.defineProperty(Options.prototype, name, { enumerable: true, get });
  }
  return new Options();
}

/** Returns the same object for every call, with other members each time. */
function reuseObject(): (given: object) => object {
  const kept: Record<string, unknown> = {};
  return (given) => {
    for (const name of Object.keys(kept)) delete kept[name];
    return Object.assign(kept, given);
  };
}

function reuseArray(): (items: readonly unknown[]) => unknown[] {
  const kept: unknown[] = [];
  return (items) => {
    kept.splice(0, kept.length, ...items);
    return kept;
  };
}

function reuseMap(kept: Headers | Map<string, string>): (pairs: readonly Pair[]) => object {
  return (pairs) => {
    for (const [name] of Array.from(kept)) kept.delete(name);
    for (const [name, value] of pairs) kept.set(name, value);
    return kept;
  };
}

const reusedObject = reuseObject();
const reusedRecord = reuseObject();
const reusedPairs = reuseArray();
const reusedFlatArray = reuseArray();

export const OBJECT_SHAPES: Record<string, (given: Given) => object> = {
  "a plain object": (given) => ({ ...given }),
  "a frozen object": (given) => Object.freeze({ ...given }),
  "an object without a prototype": (given) => Object.assign(Object.create(null) as object, given),
  "an object that inherits": (given) => Object.create({ ...given }) as object,
  "an object of a class": (given) => ofClass(given),
  "a proxy": (given) => new Proxy({ ...given }, {}),
  "the last object, changed": (given) => reusedObject(given),
};

function* generated(pairs: readonly Pair[]): Generator<Pair> {
  yield* pairs;
}

const RECORDS: Record<string, (pairs: readonly Pair[]) => unknown> = {
  "a record": (pairs) => Object.fromEntries(pairs),
  "a frozen record": (pairs) => Object.freeze(Object.fromEntries(pairs)),
  "a record without a prototype": (pairs) => Object.assign(Object.create(null) as object, Object.fromEntries(pairs)),
  "the last record, changed": (pairs) => reusedRecord(Object.fromEntries(pairs)),
};
const ITERABLES: Record<string, (pairs: readonly Pair[]) => unknown> = {
  Headers: (pairs) => new Headers(pairs as Pair[]),
  "a Map": (pairs) => new Map(pairs),
  "the last Headers, changed": reuseMap(new Headers()),
  "the last Map, changed": reuseMap(new Map()),
  "an iterator": (pairs) => generated(pairs),
  "an iterable": (pairs) => ({ [Symbol.iterator]: () => generated(pairs) }),
};

export const FETCH_HEADER_SHAPES: typeof RECORDS = {
  ...RECORDS,
  ...ITERABLES,
  "an array of pairs": (pairs) => pairs.map((pair) => [...pair]),
  "the last array of pairs, changed": (pairs) => reusedPairs(pairs),
  "frozen pairs": (pairs) => Object.freeze(pairs.map((pair) => Object.freeze([...pair]))),
};
export const UNDICI_HEADER_SHAPES: typeof RECORDS = {
  ...RECORDS,
  ...ITERABLES,
  "a flat array": (pairs) => pairs.flat(),
  "the last flat array, changed": (pairs) => reusedFlatArray(pairs.flat()),
  "a frozen flat array": (pairs) => Object.freeze(pairs.flat()),
  "a Set of pairs": (pairs) => new Set(pairs),
};
export const AXIOS_HEADER_SHAPES: typeof RECORDS = {
  ...RECORDS,
  "axios's headers": (pairs) => new AxiosHeaders(Object.fromEntries(pairs)),
};
export const GOT_HEADER_SHAPES: typeof RECORDS = RECORDS;
