// The trace id of each call and visit contains its number.

/** The span id of the caller. */
export const PARENT = "00000000000000aa";

const PREFIX = "c4a05000000000000000";

export function traceIdOf(index: number): string {
  return `${PREFIX}${(index + 1).toString(16).padStart(12, "0")}`;
}

/** The number of the call that a trace id belongs to; undefined for any other trace. */
export function indexOfTrace(traceId: string): number | undefined {
  return traceId.startsWith(PREFIX) ? Number.parseInt(traceId.slice(-12), 16) - 1 : undefined;
}

export function traceparentOf(index: number): string {
  return `00-${traceIdOf(index)}-${PARENT}-01`;
}
