import { subscribe } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";
import type { Plan, When } from "./plan.ts";
import type { ServedCall } from "./faults/fault-server.ts";
import type { Stage } from "./faults/faults.ts";

/** A running call, as shared by server, client and application. */
export interface RunningCall extends ServedCall {
  readonly plan: Plan;
  /** The events that the application observed, in order. */
  readonly notes: string[];
  readonly signal: AbortSignal | undefined;
  /** Called when the call has been made. */
  readonly made: () => void;
  /** Called when the call has settled and its plan is complete. */
  readonly over: () => void;
}

const running = new Map<number, RunningCall>();

/** The call of a request, whose path begins with the call's number. */
export function callOf(path: string | undefined): RunningCall | undefined {
  return running.get(Number(path?.split("/")[1]));
}

/** A signal that is never aborted, like that of an application's shutdown. Listeners must be removed from it. */
let shared: AbortSignal = new AbortController().signal;

/** Returns how many listeners are left on the shared signal, and replaces the signal, since listeners that clients forget would fill the heap. */
export function renewShared(): number {
  const { length } = getEventListeners(shared, "abort");
  shared = new AbortController().signal;
  return length;
}

export function beginCall(plan: Plan, fill: (text: string) => string): RunningCall {
  const reached = new Map<Stage, () => void>();
  const waiting = new Map<Stage, Promise<void>>();
  for (const stage of ["headers", "hold"] as const) waiting.set(stage, new Promise((resolve) => void reached.set(stage, resolve)));
  const controller = new AbortController();
  const abort = (): void => controller.abort(reasonOf(plan));
  if (plan.abort === "before it begins") abort();
  const call: RunningCall = {
    plan,
    fault: plan.fault,
    requests: [],
    notes: [],
    fill,
    signal: signalOf(plan, controller.signal),
    reached: (stage) => {
      reached.get(stage)?.();
      if (stage === "hold" && plan.abort === "at the hold") abort();
    },
    until: async (stage) => waiting.get(stage),
    made: () => abortLater(plan.abort, abort),
    over: () => {
      // Node never releases a composite signal on which a client forgets a listener, as some clients do.
      if (plan.abort === "when it is over" || plan.signal === "any") abort();
      for (const resolve of reached.values()) resolve();
      running.delete(plan.index);
    },
  };
  running.set(plan.index, call);
  return call;
}

function signalOf({ abort, signal }: Plan, own: AbortSignal): AbortSignal | undefined {
  const used = typeof abort === "object" && "timeout" in abort ? AbortSignal.timeout(abort.timeout) : own;
  if (signal === "any") return AbortSignal.any([used, shared]);
  return signal === "shared" ? shared : signal === "own" ? used : undefined;
}

function reasonOf({ reason }: Plan): unknown {
  if (reason === "an error") return new Error("the application aborts");
  if (reason === "a text") return "the application aborts";
  return reason === "an object" ? { givesUp: true } : undefined;
}

function abortLater(when: When | undefined, abort: () => void): void {
  if (when === "at once") abort();
  else if (typeof when === "object" && "microtasks" in when) afterMicrotasks(when.microtasks, abort);
  else if (typeof when === "object" && "turns" in when) afterTurns(when.turns, abort);
}

function afterMicrotasks(count: number, then: () => void): void {
  if (count === 0) then();
  else queueMicrotask(() => afterMicrotasks(count - 1, then));
}

function afterTurns(count: number, then: () => void): void {
  if (count === 0) then();
  else setImmediate(() => afterTurns(count - 1, then));
}

/** Notifies calls when their client has received the head of a response. */
export function watchHeaders(): void {
  subscribe("undici:request:headers", (message) =>
    callOf((message as { request: { path: string } }).request.path)?.reached("headers"),
  );
  subscribe("http.client.response.finish", (message) =>
    callOf((message as { request: { path: string } }).request.path)?.reached("headers"),
  );
}
