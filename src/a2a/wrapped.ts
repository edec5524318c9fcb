import { areEqual, hasOptions } from "../core/telemetry/check-options.ts";
import type { A2AOptions } from "../core/telemetry/options.ts";
import { sharedState } from "../core/telemetry/shared-state.ts";

/**
 * Whether `value` is a client or request handler that this package has wrapped.
 *
 * @param caller the public function that received it, for the error message.
 * @throws TypeError if it is wrapped with other options: two of them cannot be combined, and none is dropped silently.
 */
export function isWrapped(caller: string, value: object, options: A2AOptions): boolean {
  const existing = sharedState.a2aOptions.get(value);
  if (existing === undefined) return false;
  if (hasOptions(options) && !areEqual(existing, options)) {
    throw new TypeError(
      `${caller}: the argument is wrapped already, with other options. Pass all options to the first call, or the original instead of what it returned.`,
    );
  }
  return true;
}

export function markWrapped(value: object, options: A2AOptions): void {
  sharedState.a2aOptions.set(value, { ...options });
}
