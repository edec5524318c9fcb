import type { BodyTracker } from "./body-tracker.ts";
import { safeCall } from "../telemetry/diagnostics.ts";

/** Wraps each method by which a response's body can be consumed, in place, so that the tracker learns what became of the body. */
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
    if (!refused) tracker.abandoned();
    return result;
  });

  wrap(body, "getReader", (get: () => ReadableStreamDefaultReader) => tapReader(get(), body, tracker));

  for (const name of ["values", Symbol.asyncIterator]) {
    wrap(body, name, (iterate: () => AsyncIterator<unknown>) => {
      const iterator = iterate();
      const release = (): void => probeReleasedStream(iterator);
      tracker.take(iterator);
      wrap(iterator, "return", (finish: () => Promise<unknown>) => watched(finish(), release, release));
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

  // The platform's own method does not report its end. This does the same (Streams standard, `pipeThrough`).
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

  /** Finds out what became of the stream after a consumer has released it, with an error that may be the stream's or the consumer's own. */
  function probeReleasedStream(holder: object, error?: unknown): void {
    if (!tracker.isHeldBy(holder)) return;
    tracker.release(body);
    safeCall("probing a stream", () => {
      const reader = getReader();
      reader.closed.then(
        () => tracker.abandoned(),
        // Rejected with the stream's own error, or because the reader was released while there is more to read.
        (reason: unknown) => reason === error && tracker.failed(error),
      );
      reader.releaseLock();
    });
  }
}

function tapReader(reader: ReadableStreamDefaultReader, body: ReadableStream, tracker: BodyTracker): ReadableStreamDefaultReader {
  tracker.take(reader);
  // The rejection of `closed` is never reported as unhandled (Streams standard, [[closedPromise]]), so this handler hides none.
  reader.closed.then(
    () => tracker.ended(),
    (error: unknown) => tracker.isHeldBy(reader) && tracker.failed(error),
  );
  wrap(reader, "cancel", (cancel: () => Promise<void>) => {
    const result = cancel();
    if (tracker.isHeldBy(reader)) tracker.abandoned();
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
        // A body that cannot be parsed has been read to its end; one that is no form data never can be parsed as such.
        (error) => (error instanceof SyntaxError || name === "formData" ? tracker.ended() : tracker.failed(error)),
      );
    });
  }
}

/** Replaces a method of an object. `around` receives a function that calls the original with the same arguments, and these arguments. */
export function wrap(target: object, name: PropertyKey, around: (proceed: () => never, ...args: never[]) => unknown): void {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== "function") return;
  const value = function method(this: unknown, ...args: never[]): unknown {
    const proceed = (): never => Reflect.apply(original, this, args) as never;
    return this === target ? around(proceed, ...args) : proceed();
  };
  Object.defineProperty(target, name, { configurable: true, writable: true, value });
}

/** A promise that settles like the given one, after `done` or `failed`. An unhandled rejection stays unhandled. */
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
