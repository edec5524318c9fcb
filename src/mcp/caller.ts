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
  readonly operations: Operation[];
}

/** Lets the method that sends a request end it, if there is one. */
export function addToCaller(owner: object, operation: Operation): void {
  const caller = context.active().getValue(CALLER_KEY) as Caller | undefined;
  if (caller?.owner !== owner) return;
  caller.operations.push(operation);
  operation.isFollowed = true;
}

/** Calls a method, and ends the requests that it has left open with the error that it rejects with. */
export function followCaller(owner: object, call: () => unknown, args: readonly unknown[]): unknown {
  const caller: Caller = { owner, operations: [] };
  const result = context.with(context.active().setValue(CALLER_KEY, caller), call);
  if (!isThenable(result)) return result;
  // This promise is returned, and not the original: a handler on the original would hide a rejection that the application does not handle.
  return result.then(undefined, (error: unknown) => {
    for (const operation of caller.operations) operation.fail(error, signalOf(args));
    throw error;
  });
}

/** The signal in the options of a call, which are one of the last arguments. */
function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  for (const arg of args.toReversed()) {
    const signal = asFields(arg)?.["signal"];
    if (signal instanceof AbortSignal) return signal;
  }
  return undefined;
}
