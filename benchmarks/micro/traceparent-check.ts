import type { Comparison } from "./comparison.ts";

const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const FLAGS: number = 1;
let spans = 0;

/** A new string each time, concatenated as propagators do it: the expression has to flatten it. */
function nextTraceparent(): string {
  const spanId = (spans++).toString(16).padStart(16, "0");
  return `00-${TRACE_ID}-${spanId}-0${FLAGS.toString(16)}`;
}

export const comparison: Comparison = {
  description: "Takes a traceparent of 55 characters for a valid header value instead of testing its characters.",
  clever: () => {
    const value = nextTraceparent();
    return value.length === 55 || FIELD_VALUE.test(value);
  },
  obvious: () => FIELD_VALUE.test(nextTraceparent()),
  call: "undici",
};
