/** The key under which all copies of the package share their state: `src/core/telemetry/shared-state.ts`. */
const STATE = Symbol.for("a2a-otel.state.v1");

const stateOf = (global: object): { activeCalls: unknown[] } | undefined =>
  (global as { [STATE]?: { activeCalls: unknown[] } })[STATE];

/**
 * The calls that are still registered as active. Asserting that there are none shows that every call was ended and removed. Reads the shared
 * state, so that it works for the sources as well as for an installed package.
 */
export function remainingCalls(): readonly unknown[] {
  const state = stateOf(globalThis);
  if (state === undefined) throw new Error("no copy of the package is loaded");
  return [...state.activeCalls];
}

/** Removes the calls that tests have abandoned on purpose from the registry. */
export function forgetActiveCalls(): void {
  stateOf(globalThis)?.activeCalls.splice(0);
}
