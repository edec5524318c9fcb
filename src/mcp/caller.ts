import { context } from "@opentelemetry/api";
import { isThenable } from "../core/telemetry/thenable.ts";
import { asFields } from "./message/message.ts";
import type { Operation } from "./operation.ts";

const CALLER_KEY = Symbol("a2a-otel.mcp-caller");

/**
 * A method of the wrapped object that sends requests one after the other. The transport does not see why a request without a response has ended; the
 * method's rejection and its signal show it.
 */
interface Caller {
  /** The wrapped object. A handler that runs in the same context may belong to another one. */
  readonly owner: object;
  /** The requests that are recorded. */
  readonly operations: Operation[];
  /** Whether the first request has been sent. */
  hasSent: boolean;
}

/** The method that is being called, until it has returned its promise. */
let current: Caller | undefined;

/**
 * Lets the method that sends a request end it, if there is one.
 *
 * @param operation undefined if the request is not recorded.
 */
export function addToCaller(owner: object, operation: Operation | undefined): void {
  const caller = current ?? (context.active().getValue(CALLER_KEY) as Caller | undefined);
  if (caller?.owner !== owner) return;
  caller.hasSent = true;
  if (operation === undefined) return;
  caller.operations.push(operation);
  operation.isFollowed = true;
}

interface FollowedCall {
  readonly owner: object;
  readonly call: () => unknown;
  readonly args: readonly unknown[];
  /** Whether the method sends its first request before it returns. Another one is recognised by its context, which takes longer. */
  readonly sendsAtOnce: boolean;
}

/** Calls a method, and ends the requests that it has left open with the error that it rejects with. */
export function followCaller({ owner, call, args, sendsAtOnce }: FollowedCall): unknown {
  const caller: Caller = { owner, operations: [], hasSent: false };
  const result = sendsAtOnce ? callAtOnce(caller, call) : context.with(context.active().setValue(CALLER_KEY, caller), call);
  const isUnrecorded = caller.hasSent && caller.operations.length === 0;
  if (isUnrecorded || !isThenable(result)) return result;
  // This promise is returned, and not the original: a handler on the original would hide a rejection that the application does not handle.
  return result.then(undefined, (error: unknown) => {
    for (const operation of caller.operations) operation.fail(error, signalOf(args));
    throw error;
  });
}

function callAtOnce(caller: Caller, call: () => unknown): unknown {
  const outer = current;
  current = caller;
  try {
    return call();
  } finally {
    current = outer;
  }
}

/** The signal in the options of a call, which are one of the last arguments. */
function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  for (const arg of args.toReversed()) {
    const signal = asFields(arg)?.["signal"];
    if (signal instanceof AbortSignal) return signal;
  }
  return undefined;
}
