import type { Comparison } from "./comparison.ts";

const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const BAGGAGE = Array.from({ length: 64 }, (_, i) => `member.${i}=value%20of%20${i}`).join(",");

let lastValidValue = "";

function isFieldValue(value: string): boolean {
  if (value === lastValidValue) return true;
  if (!FIELD_VALUE.test(value)) return false;
  lastValidValue = value;
  return true;
}

export const comparison: Comparison = {
  description: "Does not test the characters of the last header value again, here a baggage of 64 members.",
  clever: () => isFieldValue(BAGGAGE),
  obvious: () => FIELD_VALUE.test(BAGGAGE),
};
