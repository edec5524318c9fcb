import { areEqual, hasOptions } from "./check-options.ts";
import { sharedState } from "./shared-state.ts";

/**
 * Whether this package has wrapped `value` already: the wrappers of protocol layers (A2A, MCP) return it as it is then.
 *
 * @param caller the public function that received it, for the error message.
 * @throws TypeError if it is wrapped with other options: two of them cannot be combined, and none is dropped silently.
 */
export function isWrapped(caller: string, value: object, options: object): boolean {
  const existing = sharedState.wrapperOptions.get(value);
  if (existing === undefined) return false;
  if (hasOptions(options) && !areEqual(existing, options)) {
    throw new TypeError(
      `${caller}: the argument is wrapped already, with other options. Pass all options to the first call, or the original instead of what it returned.`,
    );
  }
  return true;
}

export function markWrapped(value: object, options: object): void {
  sharedState.wrapperOptions.set(value, { ...options });
}
