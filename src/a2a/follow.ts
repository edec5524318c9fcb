import { context } from "@opentelemetry/api";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { isThenable } from "../core/telemetry/thenable.ts";
import type { Operation } from "./operation.ts";

/** Runs a method in its operation's context and follows it to the end of its promise. */
export function followCall(operation: Operation, call: () => unknown): unknown {
  let result: unknown;
  try {
    result = context.with(operation.context, call);
  } catch (error) {
    operation.fail(error);
    throw error;
  }
  if (!isThenable(result)) {
    operation.received(result);
    operation.end();
    return result;
  }
  // This promise is returned, and not the original: a handler on the original would hide a rejection that the application does not handle.
  return result.then(
    (value) => {
      operation.received(value);
      operation.end();
      return value;
    },
    (error: unknown) => {
      operation.fail(error);
      throw error;
    },
  );
}

// Ends the operation of a stream that is garbage-collected before its end.
const abandonedStreams =
  typeof FinalizationRegistry === "function" ? new FinalizationRegistry<Operation>((operation) => operation.abandon()) : undefined;

/**
 * Follows a stream to its end, its cancellation, or an error. The operation starts when the first event is requested, as the SDK's generators
 * do. The returned object inherits from the stream, so that it has the same classes and properties.
 */
export function followStream(stream: unknown, start: () => Operation | undefined): unknown {
  return isAsyncIterable(stream) ? wrapStream(stream, start) : stream;
}

function wrapStream(stream: Stream, start: () => Operation | undefined): Stream {
  let operation: Operation | undefined;
  let hasStarted = false;

  function advance(name: "next" | "return" | "throw", args: unknown[]): unknown {
    const method = stream[name] as (...args: unknown[]) => unknown;
    if (!hasStarted) {
      hasStarted = true;
      // A stream that is closed before the first event makes no call.
      if (name === "next") operation = safeCall("starting an A2A call", start);
      if (operation !== undefined) abandonedStreams?.register(followed, operation);
    }
    const current = operation;
    if (current === undefined) return Reflect.apply(method, stream, args);
    return followStep(current, () => context.with(current.context, () => Reflect.apply(method, stream, args)));
  }

  const followed = Object.create(stream) as Stream;
  defineMethod(followed, "next", (...args) => advance("next", args));
  if (typeof stream.return === "function") defineMethod(followed, "return", (...args) => advance("return", args));
  if (typeof stream.throw === "function") defineMethod(followed, "throw", (...args) => advance("throw", args));
  defineMethod(followed, Symbol.asyncIterator, () => {
    const iterator: unknown = stream[Symbol.asyncIterator]();
    return iterator === stream ? followed : followStream(iterator, start);
  });
  return followed;
}

type Stream = AsyncIterator<unknown> & AsyncIterable<unknown>;

function isAsyncIterable(value: unknown): value is Stream {
  return typeof (value as Partial<Stream> | null | undefined)?.[Symbol.asyncIterator] === "function";
}

function defineMethod(object: object, name: PropertyKey, value: (...args: unknown[]) => unknown): void {
  Object.defineProperty(object, name, { configurable: true, writable: true, value });
}

/** Runs one step of a stream and reports its item, the end of the stream, or its error to the operation. */
function followStep(operation: Operation, run: () => unknown): unknown {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    operation.fail(error);
    throw error;
  }
  if (!isThenable(result)) return result;
  return result.then(
    (item) => {
      const { done, value } = item as IteratorResult<unknown>;
      if (done === true) operation.end();
      else operation.received(value);
      return item;
    },
    (error: unknown) => {
      operation.fail(error);
      throw error;
    },
  );
}
