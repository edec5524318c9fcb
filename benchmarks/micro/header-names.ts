import type { Comparison } from "./comparison.ts";

const FIELDS = ["traceparent", "tracestate", "baggage"];
const HEADERS = Object.fromEntries(Array.from({ length: 52 }, (_, i) => [`x-header-${i}`, `value ${i}`]));

const isSameName = (a: string, b: string): boolean => a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase());
const isSameNameByLetter = (a: string, b: string): boolean =>
  a === b ||
  (a.length === b.length && (a.charCodeAt(0) | 0x20) === (b.charCodeAt(0) | 0x20) && a.toLowerCase() === b.toLowerCase());

function hasField(isSame: (a: string, b: string) => boolean): boolean {
  for (const name in HEADERS) if (FIELDS.some((field) => isSame(field, name))) return true;
  return false;
}

export const comparison: Comparison = {
  description: "Compares the first letters of two header names before it converts both to lower case, here for 52 headers.",
  clever: () => hasField(isSameNameByLetter),
  obvious: () => hasField(isSameName),
};
