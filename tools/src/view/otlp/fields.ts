/** The path of a value in the JSON, such as `resourceSpans[0].resource`, for error messages. */
export type Path = string;

export type Fields = Readonly<Record<string, unknown>>;

/** An error that names the path, the value (shortened) and what is expected. */
export function invalid(path: Path, value: unknown, expected: string): Error {
  // Only a part of the value, which may be megabytes long or nested millions of levels deep.
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : kindOf(value);
  return new Error(`${path} is ${shown}, but must be ${expected}`);
}

function kindOf(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "number") return String(value);
  if (value === undefined) return "missing";
  return Array.isArray(value) ? "an array" : "an object";
}

export function object(value: unknown, path: Path): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(path, value, "an object");
  return value as Fields;
}

/** In the JSON encoding of Protocol Buffers, `null` means that a field is not set. */
export function list(value: unknown, path: Path): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(path, value, "an array");
  return value;
}

export function text(value: unknown, path: Path): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw invalid(path, value, "a string");
  return value;
}

const DIGITS = /^\d{1,20}$/;

/** A 64-bit number of nanoseconds: a string, as OTLP/JSON requires, or a number, as some exporters send; 0 if absent. */
export function nanoseconds(value: unknown, path: Path): bigint {
  if (value === undefined || value === null) return 0n;
  if (typeof value === "string" && DIGITS.test(value)) return BigInt(value);
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return BigInt(value);
  throw invalid(path, value, "nanoseconds since 1970 as a string of digits");
}

const HEX = /^[0-9a-f]+$/i;

/** A trace id or span id. OTLP/JSON encodes them in hex, not in base64 as other JSON of Protocol Buffers. Empty if absent. */
export function id(value: unknown, length: 16 | 32, path: Path): string {
  const hex = text(value, path);
  if (hex === "") return "";
  if (hex.length !== length || !HEX.test(hex)) throw invalid(path, value, `${length} hex digits`);
  return /^0+$/.test(hex) ? "" : hex.toLowerCase();
}

/** An enum value by its number, or by its name with a prefix. */
export function oneOf<Name extends string>(value: unknown, names: readonly Name[], prefix: string, path: Path): Name {
  if (value === undefined || value === null) return names[0] as Name;
  const named = typeof value === "string" && value.startsWith(prefix) ? value.slice(prefix.length) : undefined;
  const found = typeof value === "number" ? names[value] : names.find((name) => name === named);
  if (found === undefined) throw invalid(path, value, `one of 0 to ${names.length - 1}`);
  return found;
}

/** A number of dropped items. An invalid number is ignored, because it is no reason to refuse a span. */
export function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
