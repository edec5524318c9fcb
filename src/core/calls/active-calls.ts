import type { Context } from "@opentelemetry/api";
import { CallContext } from "../context/call-context.ts";
import { sharedState } from "../telemetry/shared-state.ts";

/** A call that is under way, as other wrappers find it by the `traceparent` that it has put on its request. */
export interface ActiveCall {
  readonly id: string | undefined;
  /** Where it stands among the open calls; -1 where it does not. */
  place: number;
}

/**
 * The calls under way. All copies of this package share them: an inner wrapper stands aside for a request that carries the `traceparent` of
 * an open call, whoever opened it.
 *
 * A list and no map by `traceparent`: to hash a new string, put it in and take it out costs ten times as much, and whoever looks for a call
 * mostly is in its context.
 */
export const activeCalls: ActiveCall[] = sharedState.activeCalls as ActiveCall[];

export function addActiveCall(call: ActiveCall): void {
  call.place = activeCalls.length;
  activeCalls.push(call);
}

export function removeActiveCall(call: ActiveCall): void {
  const { place } = call;
  call.place = -1;
  if (place === -1 || activeCalls[place] !== call) return;
  const last = activeCalls.pop() as ActiveCall;
  if (last === call) return;
  activeCalls[place] = last;
  last.place = place;
}

// Requests of calls that were started together are created in the same order: behind the one that was found last stands the next.
let searchHint = 0;

/** The open call that has issued a `traceparent`; where it can be that of `context`, that is asked first. */
export function findActiveCall(traceparent: string, context: Context): ActiveCall | undefined {
  if (context instanceof CallContext) {
    const call = context.call as Partial<ActiveCall>;
    if (call.id === traceparent && call.place !== -1) return call as ActiveCall;
  }
  const likely = activeCalls[searchHint];
  if (likely?.id === traceparent) {
    searchHint++;
    return likely;
  }
  // Of the others the latest are the likeliest.
  for (let i = activeCalls.length - 1; i >= 0; i--) {
    const call = activeCalls[i] as ActiveCall;
    if (call.id !== traceparent) continue;
    searchHint = i + 1;
    return call;
  }
  return undefined;
}
