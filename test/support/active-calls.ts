import { expect } from "vitest";
import { activeCalls } from "../../src/core/calls/active-calls.ts";

/** Fails if the registry still has a call: either the test has left one open, or the library has not removed one that ended. */
export function expectNoActiveCalls(): void {
  expect(activeCalls).toEqual([]);
}
