import type { Context } from "@opentelemetry/api";
import { CallContext } from "./call-context.ts";

/** A call that is under way, as other wrappers find it by the `traceparent` that it has put on its request. */
export interface OpenCall {
  readonly id: string | undefined;
  /** Where it stands among the open calls; -1 where it does not. */
  place: number;
}

const KEY = Symbol.for("a2a-otel.calls");

/**
 * The calls under way. All copies of this package share them: an inner wrapper stands aside for a request that carries the `traceparent` of
 * an open call, whoever opened it.
 *
 * A list and no map by `traceparent`: to hash a new string, put it in and take it out costs ten times as much, and whoever looks for a call
 * mostly is in its context.
 */
export const openCalls: OpenCall[] = ((globalThis as Record<symbol, unknown>)[KEY] ??= []) as OpenCall[];

export function openCall(call: OpenCall): void {
  call.place = openCalls.length;
  openCalls.push(call);
}

export function closeCall(call: OpenCall): void {
  const { place } = call;
  call.place = -1;
  if (place === -1 || openCalls[place] !== call) return;
  const last = openCalls.pop() as OpenCall;
  if (last === call) return;
  openCalls[place] = last;
  last.place = place;
}

// Requests of calls that were started together are created in the same order: behind the one that was found last stands the next.
let behindLast = 0;

/** The open call that has issued a `traceparent`; where it can be that of `context`, that is asked first. */
export function findCall(traceparent: string, context: Context): OpenCall | undefined {
  if (context instanceof CallContext) {
    const call = context.call as Partial<OpenCall>;
    if (call.id === traceparent && call.place !== -1) return call as OpenCall;
  }
  const likely = openCalls[behindLast];
  if (likely?.id === traceparent) {
    behindLast++;
    return likely;
  }
  // Of the others the latest are the likeliest.
  for (let i = openCalls.length - 1; i >= 0; i--) {
    const call = openCalls[i] as OpenCall;
    if (call.id !== traceparent) continue;
    behindLast = i + 1;
    return call;
  }
  return undefined;
}
