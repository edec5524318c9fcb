import * as fc from "fast-check";

// Values that no client expects. They are created anew for each use, because many of them can be used only once.

type Make = () => unknown;

function thrower(): never {
  throw new RangeError("thrown by the application");
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const throwing = new Proxy(
  {},
  { get: thrower, has: thrower, ownKeys: thrower, getPrototypeOf: thrower, getOwnPropertyDescriptor: thrower, set: thrower },
);

const VALUES: Record<string, Make> = {
  "a string": () => "text",
  "an empty string": () => "",
  spaces: () => "  a  ",
  "Latin-1": () => "é",
  "beyond Latin-1": () => "漢",
  "a lone surrogate": () => "\ud800",
  "a line break": () => "a\r\nx-b: c",
  "a null character": () => "\0",
  "a long string": () => "x".repeat(5000),
  "a number": () => 5,
  NaN: () => Number.NaN,
  "a bigint": () => 5n,
  true: () => true,
  null: () => null,
  undefined: () => undefined,
  "a symbol": () => Symbol("value"),
  "a list": () => ["1", "2"],
  "an empty list": () => [],
  "a list of numbers": () => [1, 2],
  "a list of lists": () => [["1"], ["2"]],
  "a list with holes": () => ["1", undefined, null],
  "an object": () => ({}),
  "an object with toString()": () => ({ toString: () => "text" }),
  "an object whose toString() throws": () => ({ toString: thrower }),
  "an object without a prototype": () => Object.create(null),
  "a date": () => new Date(0),
  "a buffer": () => Buffer.from("é"),
  "a function": () => () => "text",
  "a revoked proxy": revoked,
  "a proxy that throws": () => throwing,
};

const NAMES = [
  "x-a",
  "X-A",
  "x-b",
  "",
  "x a",
  "x:y",
  "é",
  "漢",
  "x\n",
  "__proto__",
  "constructor",
  "toString",
  "get",
  "cookie",
  "set-cookie",
];

interface Named {
  name: string;
  value: string;
}
const NAMED: fc.Arbitrary<Named[]> = fc.array(
  fc.record({ name: fc.constantFrom(...NAMES), value: fc.constantFrom(...Object.keys(VALUES)) }),
  { maxLength: 4 },
);

type Entries = [name: string, value: unknown][];

function* iterated(entries: Entries, fails: boolean): Generator {
  yield* entries;
  if (fails) thrower();
}

const CONTAINERS: Record<string, (entries: Entries) => unknown> = {
  "a record": (entries) => Object.fromEntries(entries),
  "a record without a prototype": (entries) =>
    entries.reduce<object>(
      (record, [name, value]) => Object.defineProperty(record, name, { value, enumerable: true, configurable: true }),
      Object.create(null) as object,
    ),
  "a record with getters": (entries) =>
    entries.reduce<object>(
      (record, [name, value]) => Object.defineProperty(record, name, { get: () => value, enumerable: true, configurable: true }),
      {},
    ),
  "a record whose getter throws": (entries) =>
    Object.defineProperty(Object.fromEntries(entries), "x-c", { get: thrower, enumerable: true }),
  "a record with a symbol": (entries) => ({ ...Object.fromEntries(entries), [Symbol("name")]: "1" }),
  "a proxy": (entries) => new Proxy(Object.fromEntries(entries), {}),
  "a proxy that throws": () => throwing,
  "a revoked proxy": revoked,
  pairs: (entries) => entries,
  "pairs and arrays of other lengths": (entries) => [...entries, ["x-c"], ["x-d", "1", "2"]],
  "a list of other values": (entries) => [...entries, null, 5],
  "a flat list": (entries) => entries.flat(1),
  "a flat list of odd length": (entries) => [...entries.flat(1), "x-c"],
  "a Map": (entries) => new Map(entries),
  "a Set": (entries) => new Set(entries),
  "an iterator": (entries) => iterated(entries, false),
  "an iterator that throws": (entries) => iterated(entries, true),
  "an iterable that throws": () => ({ [Symbol.iterator]: thrower }),
  "an iterable of itself": () => ({
    [Symbol.iterator]() {
      return this;
    },
    next: () => ({ done: true }),
  }),
  "an object with get() that is not a Headers": (entries) => ({
    get: () => "1",
    set: thrower,
    delete: thrower,
    [Symbol.iterator]: () => iterated(entries, false),
  }),
  "a string": () => "x-a: 1",
  "a number": () => 5,
  null: () => null,
  undefined: () => undefined,
  false: () => false,
  "a function": () => () => {},
  "a date": () => new Date(0),
  "a buffer": () => Buffer.from("x-a: 1"),
};

/** A printable description from which headers are created. */
export interface HostileHeaders {
  container: string;
  entries: Named[];
}
export const HOSTILE_HEADERS: fc.Arbitrary<HostileHeaders> = fc.record({
  container: fc.constantFrom(...Object.keys(CONTAINERS)),
  entries: NAMED,
});
export function headersFrom({ container, entries }: HostileHeaders): unknown {
  return CONTAINERS[container]!(entries.map(({ name, value }) => [name, VALUES[value]!()]));
}

/** The name of a value, for `valueOf()`. */
export const HOSTILE_VALUE: fc.Arbitrary<string> = fc.constantFrom(...Object.keys(VALUES));
export const valueOf = (name: string): unknown => VALUES[name]!();

/** A printable description from which an error, or another thrown value, is created. */
export interface HostileError {
  kind: string;
  /** Properties, each with a value or a getter that throws. */
  properties: { name: string; value: string; throws: boolean }[];
  cause: HostileError | undefined;
  isCyclic: boolean;
  isFrozen: boolean;
}

const ERRORS: Record<string, Make> = {
  Error: () => new Error("secret at http://user:pass@host/?sig=x"),
  TypeError: () => new TypeError("fetch failed"),
  TimeoutError: () => new DOMException("late", "TimeoutError"),
  AbortError: () => new DOMException("gone", "AbortError"),
  AggregateError: () => new AggregateError([null, 5, throwing, Object.assign(new Error("x"), { code: "ECODE" })]),
  "an error of a class": () => new (class Unusual extends Error {})(),
  "a very long message": () => new Error("x".repeat(100_000)),
};

const KINDS: Record<string, Make> = {
  ...ERRORS,
  "an error without a prototype": () => Object.setPrototypeOf(new Error("x"), null) as unknown,
  "an error of another realm": () => ({ name: "Error", message: "x", [Symbol.toStringTag]: "Error" }),
  "a function that throws": () => thrower,
  ...VALUES,
};

const PROPERTIES = ["code", "name", "message", "stack", "errors", "constructor", "statusCode", "response", "config", "toString"];

export const HOSTILE_ERROR: fc.Arbitrary<HostileError> = fc.letrec<{ error: HostileError }>((tie) => ({
  error: fc.record({
    kind: fc.constantFrom(...Object.keys(KINDS)),
    properties: fc.array(
      fc.record({
        name: fc.constantFrom(...PROPERTIES),
        value: fc.constantFrom(...Object.keys(VALUES)),
        throws: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
    cause: fc.option(tie("error"), { nil: undefined, depthSize: "small", maxDepth: 3 }),
    isCyclic: fc.boolean(),
    isFrozen: fc.boolean(),
  }),
})).error;

export function errorFrom({ kind, properties, cause, isCyclic, isFrozen }: HostileError): unknown {
  const thrown = KINDS[kind]!();
  if (typeof thrown !== "object" || thrown === null || kind.includes("proxy")) return thrown;
  for (const { name, value, throws } of properties) {
    const made = valueOf(value);
    Reflect.defineProperty(thrown, name, { configurable: true, ...(throws ? { get: thrower } : { value: made, writable: true }) });
  }
  const inner = isCyclic ? thrown : cause && errorFrom(cause);
  if (inner !== undefined) Reflect.defineProperty(thrown, "cause", { configurable: true, value: inner });
  // Views of array buffers cannot be frozen.
  return isFrozen && !ArrayBuffer.isView(thrown) ? Object.freeze(thrown) : thrown;
}

/** Whether the description is of a usual error without changed properties. */
export function isOrdinary({ kind, properties }: HostileError): boolean {
  return properties.length === 0 && Object.hasOwn(ERRORS, kind);
}
