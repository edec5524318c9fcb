import { invalid, list, object, text } from "./fields.ts";
import type { Path } from "./fields.ts";
import type { Attributes, Value } from "../span.ts";

/** Limits for the content of a span. What exceeds them is cut off and counted, so that one span cannot fill the memory. */
export const LIMITS = {
  /** Characters of a string. */
  text: 32_768,
  /** Characters of an attribute's name. */
  key: 256,
  /** Attributes of a span, an event, a link, a resource. */
  attributes: 256,
  /** Members of an array or a map. */
  members: 1000,
  /** Levels of arrays and maps in a value. */
  depth: 8,
  /** Events of a span, and links. */
  events: 512,
  links: 256,
} as const;

/** Attributes, the number of those dropped because of the limit, and their approximate size in bytes. */
export interface Decoded {
  readonly attributes: Attributes;
  readonly dropped: number;
  readonly size: number;
}

export function decodeAttributes(value: unknown, path: Path): Decoded {
  const given = list(value, path);
  let size = 0;
  const pairs = given.slice(0, LIMITS.attributes).map((pair, index): [string, Value] => {
    const at = `${path}[${index}]`;
    const { key, value: any } = object(pair, at);
    const name = cut(text(key, `${at}.key`), LIMITS.key);
    const decoded = decodeValue(any, `${at}.value`, 0);
    size += 16 + sizeOf(name) + sizeOf(decoded);
    return [name, decoded];
  });
  return { attributes: Object.fromEntries(pairs), dropped: given.length - pairs.length, size };
}

/** Shortens a string to the limit and appends the number of removed characters. */
export function cut(given: string, limit: number = LIMITS.text): string {
  return given.length <= limit ? given : `${given.slice(0, limit)}… (${given.length - limit} more characters)`;
}

/** The approximate size of a value in bytes. */
function sizeOf(value: Value): number {
  if (typeof value === "string") return 24 + 2 * value.length;
  if (Array.isArray(value)) return value.reduce((sum: number, member: Value) => sum + sizeOf(member), 32);
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).reduce((sum, [key, member]) => sum + 32 + 2 * key.length + sizeOf(member), 32);
  }
  return 16;
}

/** Decodes an AnyValue: an object with one of its fields, or without any for the empty value. */
function decodeValue(value: unknown, path: Path, depth: number): Value {
  if (value === undefined || value === null) return null;
  const any = object(value, path);
  for (const [field, decode] of DECODERS) {
    const given = any[field];
    if (given !== undefined && given !== null) return decode(given, `${path}.${field}`, depth);
  }
  return null;
}

type Decode = (value: unknown, path: Path, depth: number) => Value;

const DECODERS: readonly (readonly [string, Decode])[] = [
  ["stringValue", (value, path) => cut(text(value, path))],
  ["boolValue", decodeBoolean],
  ["intValue", decodeInteger],
  ["doubleValue", decodeDouble],
  ["arrayValue", decodeArray],
  ["kvlistValue", decodeMap],
  ["bytesValue", (value, path) => cut(text(value, path))],
];

function decodeBoolean(value: unknown, path: Path): Value {
  if (typeof value !== "boolean") throw invalid(path, value, "true or false");
  return value;
}

/** Decodes a 64-bit integer, which is a string or a number. */
function decodeInteger(value: unknown, path: Path): Value {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  if (typeof value !== "string" || !/^-?\d{1,20}$/.test(value)) throw invalid(path, value, "an integer as a string of digits");
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}

function decodeDouble(value: unknown, path: Path): Value {
  if (typeof value === "number") return value;
  // JSON has no number literals for these.
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return value;
  if (typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))) return Number(value);
  throw invalid(path, value, "a number");
}

function decodeArray(value: unknown, path: Path, depth: number): Value {
  if (depth >= LIMITS.depth) return "… (nested too deeply)";
  const values = list(object(value, path)["values"], `${path}.values`);
  return values.slice(0, LIMITS.members).map((member, index) => decodeValue(member, `${path}.values[${index}]`, depth + 1));
}

function decodeMap(value: unknown, path: Path, depth: number): Value {
  if (depth >= LIMITS.depth) return "… (nested too deeply)";
  const pairs = list(object(value, path)["values"], `${path}.values`);
  return Object.fromEntries(
    pairs.slice(0, LIMITS.members).map((pair, index): [string, Value] => {
      const at = `${path}.values[${index}]`;
      const { key, value: any } = object(pair, at);
      return [cut(text(key, `${at}.key`), LIMITS.key), decodeValue(any, `${at}.value`, depth + 1)];
    }),
  );
}
