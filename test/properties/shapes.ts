import { AxiosHeaders } from "axios";

// The shapes in which the same can be said. All but the first of each keep a short cut from being taken.

type Pair = [name: string, value: string];
type Given = Record<string, unknown>;

/** Options of a class, which reads its private members in getters. */
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

export const BAGS: Record<string, (given: Given) => object> = {
  "a plain object": (given) => ({ ...given }),
  "a frozen object": (given) => Object.freeze({ ...given }),
  "an object without a prototype": (given) => Object.assign(Object.create(null) as object, given),
  "an object that inherits": (given) => Object.create({ ...given }) as object,
  "an object of a class": (given) => ofClass(given),
  "a proxy": (given) => new Proxy({ ...given }, {}),
};

function* generated(pairs: readonly Pair[]): Generator<Pair> {
  yield* pairs;
}

const RECORDS: Record<string, (pairs: readonly Pair[]) => unknown> = {
  "a record": (pairs) => Object.fromEntries(pairs),
  "a frozen record": (pairs) => Object.freeze(Object.fromEntries(pairs)),
  "a record without a prototype": (pairs) => Object.assign(Object.create(null) as object, Object.fromEntries(pairs)),
};
const ITERABLES: Record<string, (pairs: readonly Pair[]) => unknown> = {
  Headers: (pairs) => new Headers(pairs as Pair[]),
  "a Map": (pairs) => new Map(pairs),
  "an iterator": (pairs) => generated(pairs),
  "an iterable": (pairs) => ({ [Symbol.iterator]: () => generated(pairs) }),
};

export const HEADERS_OF_FETCH: typeof RECORDS = {
  ...RECORDS,
  ...ITERABLES,
  "an array of pairs": (pairs) => pairs.map((pair) => [...pair]),
  "frozen pairs": (pairs) => Object.freeze(pairs.map((pair) => Object.freeze([...pair]))),
};
export const HEADERS_OF_UNDICI: typeof RECORDS = {
  ...RECORDS,
  ...ITERABLES,
  "a flat array": (pairs) => pairs.flat(),
  "a frozen flat array": (pairs) => Object.freeze(pairs.flat()),
  "a Set of pairs": (pairs) => new Set(pairs),
};
export const HEADERS_OF_AXIOS: typeof RECORDS = {
  ...RECORDS,
  "axios's headers": (pairs) => new AxiosHeaders(Object.fromEntries(pairs)),
};
export const HEADERS_OF_GOT: typeof RECORDS = RECORDS;
