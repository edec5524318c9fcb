import { activeCalls } from "../../src/core/calls/active-calls.ts";

/** The calls that are still registered as active. Asserting that there are none shows that every call was ended and removed. */
export function remainingCalls(): readonly unknown[] {
  return [...activeCalls];
}
