import { sharedState } from "../telemetry/shared-state.ts";

/** A call in progress whose requests can be recognised by the propagation headers that it has issued. */
export interface ActiveCall {
  /** The `traceparent` that only this call has issued; undefined if it issued none, or one that other calls share. */
  readonly traceparent: string | undefined;
  /** The index in the registry; -1 while the call is not registered. */
  registryIndex: number;
  /** Whether a flat array of headers has one that the call has issued. */
  hasIssued(headers: readonly unknown[]): boolean;
  /** Whether the call's client was expected to request a URL next by itself: the target of a redirect, or the same URL again. */
  awaits(url: string): boolean;
}

/**
 * The calls in progress, of all copies of this package.
 *
 * An array and not a map by `traceparent`: hashing a string that is new for each call, inserting and deleting it costs ten times as much as
 * appending to an array (`npm run bench:micro -- active-calls`).
 */
export const activeCalls: ActiveCall[] = sharedState.activeCalls as ActiveCall[];

export function addActiveCall(call: ActiveCall): void {
  if (call.registryIndex !== -1) return;
  call.registryIndex = activeCalls.length;
  activeCalls.push(call);
}

export function removeActiveCall(call: ActiveCall): void {
  const { registryIndex } = call;
  call.registryIndex = -1;
  if (registryIndex === -1 || activeCalls[registryIndex] !== call) return;
  const last = activeCalls.pop() as ActiveCall;
  if (last === call) return;
  activeCalls[registryIndex] = last;
  last.registryIndex = registryIndex;
}

/** Where the next search begins: requests of calls that were started one after another are created in the same order. */
let searchHint = 0;

/** The active call that has issued a `traceparent` of its own. */
export function findByTraceparent(traceparent: string): ActiveCall | undefined {
  const next = activeCalls[searchHint];
  if (next?.traceparent === traceparent) {
    searchHint++;
    return next;
  }
  // The calls that were started last are the likeliest.
  for (let i = activeCalls.length - 1; i >= 0; i--) {
    const call = activeCalls[i] as ActiveCall;
    if (call.traceparent !== traceparent) continue;
    searchHint = i + 1;
    return call;
  }
  return undefined;
}

/**
 * The active calls, among those without a `traceparent` of their own, that have issued one of the headers. Several calls may: without an SDK
 * all calls of a received request forward the same headers.
 */
export function findIssuers(headers: readonly unknown[]): ActiveCall[] {
  return activeCalls.filter((call) => call.traceparent === undefined && call.hasIssued(headers));
}

/** The active call, among those without a `traceparent` of their own, whose client was expected to request a URL next. */
export function findAwaiting(url: string): ActiveCall | undefined {
  return activeCalls.find((call) => call.traceparent === undefined && call.awaits(url));
}
