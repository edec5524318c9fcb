import { addActiveCall, findByTraceparent, removeActiveCall } from "../../src/core/calls/active-calls.ts";
import type { ActiveCall } from "../../src/core/calls/active-calls.ts";
import type { Comparison } from "./comparison.ts";

let count = 0;

/** A new string each time, as each call has a `traceparent` of its own. */
function nextTraceparent(): string {
  return `00-0af7651916cd43dd8448eb211c80319c-${(count++).toString(16).padStart(16, "0")}-01`;
}

const makeCall = (traceparent: string): ActiveCall => ({
  traceparent,
  registryIndex: -1,
  hasIssued: () => false,
  awaits: () => false,
});

const byTraceparent = new Map<string, ActiveCall>();

export const comparison: Comparison = {
  description: "Registers active calls in an array that is searched from its end instead of in a map by traceparent.",
  clever: () => {
    const call = makeCall(nextTraceparent());
    addActiveCall(call);
    const found = findByTraceparent(call.traceparent as string);
    removeActiveCall(call);
    return found;
  },
  obvious: () => {
    const traceparent = nextTraceparent();
    byTraceparent.set(traceparent, makeCall(traceparent));
    const found = byTraceparent.get(traceparent);
    byTraceparent.delete(traceparent);
    return found;
  },
};
