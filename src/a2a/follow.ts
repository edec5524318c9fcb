import { context } from "@opentelemetry/api";
import { safeCall } from "../core/telemetry/diagnostics.ts";
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
    operation.saw(result);
    operation.end();
    return result;
  }
  // The promise that is handed on is this one: a handler beside it would hide a rejection that nobody handles.
  return result.then(
    (value) => {
      operation.saw(value);
      operation.end();
      return value;
    },
    (error: unknown) => {
      operation.fail(error);
      throw error;
    },
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  const then = (): unknown => (value as Partial<PromiseLike<unknown>> | null | undefined)?.then;
  return typeof safeCall("reading a result", then) === "function";
}

/** A stream that was given up without a word ends when it is collected. */
const abandoned =
  typeof FinalizationRegistry === "function" ? new FinalizationRegistry<Operation>((operation) => operation.abandon()) : undefined;

/**
 * Follows a stream to its end, an early break, or an error. Its operation begins with the first event that is asked for: the SDK's
 * generators do nothing before.
 *
 * What is handed out inherits from the stream, so it is of the same classes and has the same properties.
 */
export function followStream(stream: unknown, begin: () => Operation | undefined): unknown {
  return isStream(stream) ? follow(stream, begin) : stream;
}

function follow(stream: Stream, begin: () => Operation | undefined): Stream {
  let operation: Operation | undefined;
  let begun = false;

  function step(name: "next" | "return" | "throw", args: unknown[]): unknown {
    const method = stream[name] as (...args: unknown[]) => unknown;
    if (!begun) {
      begun = true;
      // A stream that is closed before it has begun makes no call.
      if (name === "next") operation = safeCall("beginning an A2A call", begin);
      if (operation !== undefined) abandoned?.register(followed, operation);
    }
    const current = operation;
    if (current === undefined) return Reflect.apply(method, stream, args);
    return settle(current, () => context.with(current.context, () => Reflect.apply(method, stream, args)));
  }

  const followed = Object.create(stream) as Stream;
  define(followed, "next", (...args) => step("next", args));
  if (typeof stream.return === "function") define(followed, "return", (...args) => step("return", args));
  if (typeof stream.throw === "function") define(followed, "throw", (...args) => step("throw", args));
  define(followed, Symbol.asyncIterator, () => {
    const iterator: unknown = stream[Symbol.asyncIterator]();
    return iterator === stream ? followed : followStream(iterator, begin);
  });
  return followed;
}

type Stream = AsyncIterator<unknown> & AsyncIterable<unknown>;

function isStream(value: unknown): value is Stream {
  return typeof (value as Partial<Stream> | null | undefined)?.[Symbol.asyncIterator] === "function";
}

function define(object: object, name: PropertyKey, value: (...args: unknown[]) => unknown): void {
  Object.defineProperty(object, name, { configurable: true, writable: true, value });
}

function settle(operation: Operation, run: () => unknown): unknown {
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
      else operation.saw(value);
      return item;
    },
    (error: unknown) => {
      operation.fail(error);
      throw error;
    },
  );
}
