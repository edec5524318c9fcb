/**
 * Reads and writes headers in all shapes that clients accept: a record, an array of pairs, a flat array of names and values (undici), `Headers`, a
 * `Map`, and any iterable of pairs. Reading is case-insensitive. {@link withHeaders} makes a copy, because the headers of an application may be frozen,
 * shared or reused.
 */
type Pair = readonly [string, string];

interface HeadersLike extends Iterable<Pair> {
  get(name: string): string | null | undefined;
  set(name: string, value: string): unknown;
  delete(name: string): unknown;
}

/** Whether two header names are the same (RFC 9110 section 5.1: names are case-insensitive). */
export function sameName(a: string, b: string): boolean {
  return a === b || (a.length === b.length && isSameLetter(a, b) && a.toLowerCase() === b.toLowerCase());
}

/**
 * Whether the first characters differ in letter case at most: 0x20 is the bit by which upper and lower case differ in ASCII. Most names need not be
 * converted then, which takes a third of a sampled call's own time for 52 headers (benchmarks/micro/header-names.ts).
 */
function isSameLetter(a: string, b: string): boolean {
  return (a.charCodeAt(0) | 0x20) === (b.charCodeAt(0) | 0x20);
}

function includesName(names: readonly string[], name: unknown): boolean {
  if (typeof name !== "string") return false;
  for (const candidate of names) if (sameName(candidate, name)) return true;
  return false;
}

/** The value of a header; several values are joined to one list (RFC 9110 section 5.3). Undefined for any other type. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.length > 0 ? value.join(",") : undefined;
}

function isHeadersLike(headers: object): headers is HeadersLike {
  return typeof (headers as HeadersLike).get === "function" && isIterable(headers);
}

function isIterable(headers: object): headers is Iterable<Pair> {
  const iterator = (headers as Partial<Iterable<unknown>>)[Symbol.iterator];
  // A record is not iterable just because `Object.prototype` was given an iterator; undici checks the same (`hasSafeIterator`).
  return typeof iterator === "function" && iterator !== (Object.prototype as Partial<Iterable<unknown>>)[Symbol.iterator];
}

function isFlat(headers: readonly unknown[]): boolean {
  return typeof headers[0] === "string";
}

/** Marks headers that are read as a record although they have methods: reading those of axios is ten times as fast this way. */
export class PlainHeaders {
  readonly record: object;

  constructor(record: object) {
    this.record = record;
  }
}

/** Calls `visit` with each name and value. An iterator is consumed. */
function eachHeader(headers: object, visit: (name: string, value: unknown) => void): void {
  if (Array.isArray(headers) && isFlat(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) visit(String(headers[i]), headers[i + 1]);
  } else if (isIterable(headers)) {
    for (const [name, value] of headers as Iterable<readonly unknown[]>) visit(String(name), value);
  } else {
    for (const name of Object.keys(headers)) visit(name, (headers as Record<string, unknown>)[name]);
  }
}

/** Whether headers may have one of the names, which most requests do not. True for iterables, which are not searched. */
function mayHave(headers: object, names: readonly string[]): boolean {
  if (Array.isArray(headers)) {
    const step = isFlat(headers) ? 2 : 1;
    for (let i = 0; i < headers.length; i += step) {
      const item: unknown = headers[i];
      if (includesName(names, step === 2 ? item : (item as readonly unknown[] | undefined)?.[0])) return true;
    }
    return false;
  }
  if (isIterable(headers)) return true;
  return hasName(headers, names);
}

function hasName(record: object, names: readonly string[]): boolean {
  for (const name in record) if (includesName(names, name)) return true;
  return false;
}

/** The headers with the given names, keyed in lower case; undefined if there are none. */
export function readHeaders(headers: unknown, names: readonly string[]): Record<string, string> | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  if (headers instanceof PlainHeaders) return hasName(headers.record, names) ? readNamed({ ...headers.record }, names) : undefined;
  return mayHave(headers, names) ? readNamed(headers, names) : undefined;
}

function readNamed(headers: object, names: readonly string[]): Record<string, string> | undefined {
  let found: Record<string, string> | undefined;
  const note = (name: string, value: unknown): void => {
    const text = textOf(value);
    if (text === undefined) return;
    found ??= {};
    const key = name.toLowerCase();
    found[key] = found[key] === undefined ? text : `${found[key]},${text}`;
  };
  if (isHeadersLike(headers) && !(headers instanceof Map)) {
    for (const name of names) note(name, headers.get(name));
  } else {
    eachHeader(headers, (name, value) => {
      if (includesName(names, name)) note(name, value);
    });
  }
  return found;
}

/** The value of one header. */
export function readHeader(headers: unknown, name: string): string | undefined {
  return readHeaders(headers, [name])?.[name.toLowerCase()];
}

/**
 * A copy of headers, in the same shape, with those in `added` and without existing ones whose name is in `replaced`. The given object is not changed.
 */
export function withHeaders(headers: unknown, added: Record<string, string>, replaced: readonly string[]): unknown {
  if (typeof headers !== "object" || headers === null) return added;
  if (Array.isArray(headers)) return isFlat(headers) ? flatWith(headers, added, replaced) : pairsWith(headers, added, replaced);
  if (!isIterable(headers)) return recordWith(headers, added, replaced);
  if (!isHeadersLike(headers)) return pairsWith(headers, added, replaced);
  const copy = copyOf(headers);
  if (copy === undefined) return pairsWith(headers, added, replaced);
  if (replaced.length > 0) {
    for (const [name] of Array.from(copy)) if (includesName(replaced, name)) copy.delete(name);
  }
  for (const name in added) copy.set(name, added[name] as string);
  return copy;
}

function copyHeaders(headers: Headers): HeadersLike {
  if (Headers === Headers.prototype.constructor) return new Headers(headers);
  // msw replaces the global by a proxy, whose constructor copies only what msw has recorded of the other Headers.
  const copy = new Headers();
  for (const [name, value] of headers) copy.append(name, value);
  return copy;
}

function copyOf(headers: HeadersLike): HeadersLike | undefined {
  // The constructor of a subclass may have other parameters.
  if (headers instanceof Map) return new Map(headers) as HeadersLike;
  if (headers instanceof Headers) return copyHeaders(headers);
  try {
    const copy = new (headers.constructor as new (init: Iterable<Pair>) => HeadersLike)(headers);
    if (Array.from(copy).length === Array.from(headers).length) return copy;
  } catch {
    // The class cannot be constructed from its entries.
  }
  return undefined;
}

function recordWith(headers: object, added: Record<string, string>, replaced: readonly string[]): unknown {
  const copy: Record<string, unknown> = { ...headers };
  if (replaced.length > 0) {
    for (const name of Object.keys(copy)) if (includesName(replaced, name)) delete copy[name];
  }
  for (const name in added) copy[name] = added[name];
  return copy;
}

function pairsWith(headers: Iterable<Pair>, added: Record<string, string>, replaced: readonly string[]): Pair[] {
  const copy: Pair[] = [];
  for (const pair of headers) if (!includesName(replaced, pair[0])) copy.push(pair);
  for (const name in added) copy.push([name, added[name] as string]);
  return copy;
}

function flatWith(headers: readonly unknown[], added: Record<string, string>, replaced: readonly string[]): unknown[] {
  const copy: unknown[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (!includesName(replaced, headers[i])) copy.push(headers[i], headers[i + 1]);
  }
  for (const name in added) copy.push(name, added[name]);
  return copy;
}

/**
 * Reads an iterator, which can be read only once, into something that can be read again. If the iterator throws, the result yields the same items and
 * throws the same error, so that the client reports it.
 */
export function bufferIterable<Item>(items: Iterable<Item>): Item[] | Iterable<Item> {
  const read: Item[] = [];
  try {
    for (const item of items) read.push(item);
    return read;
  } catch (error) {
    return {
      *[Symbol.iterator]() {
        yield* read;
        throw error;
      },
    };
  }
}

/** Writes headers into a carrier of any shape. Existing headers whose name is in `replaced` are removed. */
export function writeHeaders(carrier: object, added: Record<string, string>, replaced: readonly string[]): void {
  if (Array.isArray(carrier)) {
    const copy = withHeaders(carrier, added, replaced) as unknown[];
    carrier.splice(0, carrier.length, ...copy);
  } else if (isHeadersLike(carrier)) {
    for (const [name] of Array.from(carrier)) if (includesName(replaced, name)) carrier.delete(name);
    for (const name in added) carrier.set(name, added[name] as string);
  } else {
    const record = carrier as Record<string, unknown>;
    for (const name of Object.keys(record)) if (includesName(replaced, name)) delete record[name];
    Object.assign(record, added);
  }
}
