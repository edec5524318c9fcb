import type { ClientCall } from "../../core/calls/client-call.ts";
import { now } from "../../core/telemetry/meter.ts";

const headersTimes = new WeakMap<ClientCall, number | undefined>();

/** Records when the headers of the call's response arrive, for spans that end with the headers. */
export function trackHeadersTime(call: ClientCall): void {
  headersTimes.set(call, undefined);
}

/** When the headers of the call's response arrived, in milliseconds of `performance.now()`; undefined if that is not tracked or not known. */
export function headersTimeOf(call: ClientCall): number | undefined {
  return headersTimes.get(call);
}

/** Headers of a response arrived. Those of the last response count; the others were informational. */
export function recordHeadersTime(call: ClientCall, status: number): void {
  if (status >= 200 && headersTimes.has(call)) headersTimes.set(call, now());
}

/** Tracks a call if an earlier attempt is tracked. */
export function trackLikePrevious(call: ClientCall, previous: ClientCall): void {
  if (headersTimes.has(previous)) trackHeadersTime(call);
}
