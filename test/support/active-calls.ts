/** The key under which all copies of the package share their state: `src/core/telemetry/shared-state.ts`. */
const STATE = Symbol.for("a2a-otel.state.v1");

/**
 * The calls that are still registered as active. Asserting that there are none shows that every call was ended and removed. Reads the shared
 * state, so that it works for the sources as well as for an installed package.
 */
export function remainingCalls(): readonly unknown[] {
  const { [STATE]: state } = globalThis as { [STATE]?: { activeCalls: readonly unknown[] } };
  if (state === undefined) throw new Error("no copy of the package is loaded");
  return [...state.activeCalls];
}
