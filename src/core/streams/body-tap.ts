import type { BodyTracker } from "./body-tracker.ts";
import { safeCall } from "../telemetry/diagnostics.ts";

/** Wraps each method by which a response's body can be consumed, in place, so that it tells what became of the body. */
export function tapResponse(response: Response, body: ReadableStream, tracker: BodyTracker): void {
  tapStream(body, tracker);
  tapWholeReads(response, body, tracker);
  wrap(response, "clone", (clone: () => Response) => {
    const copy = clone();
    // Each of the two has a new body now.
    safeCall("following a clone", () => {
      const bodies = [response.body, copy.body] as [ReadableStream, ReadableStream];
      const [one, other] = tracker.split(bodies);
      tapResponse(response, bodies[0], one);
      tapResponse(copy, bodies[1], other);
    });
    return copy;
  });
}

/** Wraps each method by which a stream can be consumed. */
function tapStream(body: ReadableStream, tracker: BodyTracker): void {
  const getReader = body.getReader.bind(body);
  tapWholeReads(body, body, tracker);

  wrap(body, "cancel", (cancel: () => Promise<void>) => {
    const refused = body.locked;
    const result = cancel();
    if (!refused) tracker.left();
    return result;
  });

  wrap(body, "getReader", (get: () => ReadableStreamDefaultReader) => tapReader(get(), body, tracker));

  for (const name of ["values", Symbol.asyncIterator]) {
    wrap(body, name, (iterate: () => AsyncIterator<unknown>) => {
      const iterator = iterate();
      const leave = (): void => probeReleasedStream(iterator);
      tracker.take(iterator);
      wrap(iterator, "return", (finish: () => Promise<unknown>) => watched(finish(), leave, leave));
      wrap(iterator, "next", (next: () => Promise<IteratorResult<unknown>>) =>
        watched(
          next(),
          ({ done }) => done === true && tracker.ended(),
          (error) => tracker.failed(error),
        ),
      );
      return iterator;
    });
  }

  wrap(body, "pipeTo", (pipe: () => Promise<void>) => {
    const refused = body.locked;
    const result = pipe();
    if (refused || !body.locked) return result;
    tracker.take(result);
    return watched(
      result,
      () => tracker.ended(),
      (error) => probeReleasedStream(result, error),
    );
  });

  // The platform's own tells nobody when it is through; it does what this does (Streams standard, pipeThrough).
  wrap(body, "pipeThrough", (pipe: () => unknown, transform?: Partial<ReadableWritablePair>, options?: StreamPipeOptions) => {
    const { readable, writable } = transform ?? {};
    if (body.locked || !(readable instanceof ReadableStream) || !(writable instanceof WritableStream) || writable.locked)
      return pipe();
    if (options?.signal !== undefined && !(options.signal instanceof AbortSignal)) return pipe();
    body.pipeTo(writable, options).catch(() => {});
    return readable;
  });

  wrap(body, "tee", (tee: () => [ReadableStream, ReadableStream]) => {
    const copies = tee();
    const [one, other] = tracker.split(copies);
    tapStream(copies[0], one);
    tapStream(copies[1], other);
    return copies;
  });

  /** Finds out what became of the stream when a consumer has let go of it, with an error that is the stream's or the consumer's own. */
  function probeReleasedStream(holder: object, error?: unknown): void {
    if (!tracker.isHeldBy(holder)) return;
    tracker.release(body);
    safeCall("looking at a stream", () => {
      const reader = getReader();
      reader.closed.then(
        () => tracker.left(),
        // The stream's own error, or that the reader was released while there is more to read.
        (reason: unknown) => reason === error && tracker.failed(error),
      );
      reader.releaseLock();
    });
  }
}

function tapReader(reader: ReadableStreamDefaultReader, body: ReadableStream, tracker: BodyTracker): ReadableStreamDefaultReader {
  tracker.take(reader);
  // Its rejection is never reported as unhandled (Streams standard, [[closedPromise]]), so that this hides none.
  reader.closed.then(
    () => tracker.ended(),
    (error: unknown) => tracker.isHeldBy(reader) && tracker.failed(error),
  );
  wrap(reader, "cancel", (cancel: () => Promise<void>) => {
    const result = cancel();
    if (tracker.isHeldBy(reader)) tracker.left();
    return result;
  });
  wrap(reader, "releaseLock", (release: () => void) => {
    release();
    if (tracker.isHeldBy(reader)) tracker.release(body);
  });
  return reader;
}

/** Wraps the methods that read a body to its end: those of a response, and in Bun of a stream. */
function tapWholeReads(target: object, body: ReadableStream, tracker: BodyTracker): void {
  for (const name of ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]) {
    wrap(target, name, (read: () => Promise<unknown>) => {
      const refused = body.locked;
      const result = read();
      if (refused || !body.locked) return result;
      tracker.take(result);
      return watched(
        result,
        () => tracker.ended(),
        // What cannot be parsed has been read; as form data events never can.
        (error) => (error instanceof SyntaxError || name === "formData" ? tracker.ended() : tracker.failed(error)),
      );
    });
  }
}

/** Puts a method in front of one that an object has; it is given the call of that one, bound and with its arguments, and the arguments. */
export function wrap(target: object, name: PropertyKey, around: (proceed: () => never, ...args: never[]) => unknown): void {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== "function") return;
  const value = function method(this: unknown, ...args: never[]): unknown {
    const proceed = (): never => Reflect.apply(original, this, args) as never;
    return this === target ? around(proceed, ...args) : proceed();
  };
  Object.defineProperty(target, name, { configurable: true, writable: true, value });
}

/** A promise that settles like the given one, after `done` or `failed`. A rejection that nobody handles stays one. */
async function watched<T>(result: Promise<T>, done: (value: T) => void, failed: (error: unknown) => void): Promise<T> {
  try {
    const value = await result;
    done(value);
    return value;
  } catch (error) {
    failed(error);
    throw error;
  }
}
