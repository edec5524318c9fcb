import type { Consumption } from "./consumption.ts";
import { guarded } from "./guard.ts";

/** Wraps each method by which a response's body can be consumed, in place, so that it tells what became of the body. */
export function tapResponse(response: Response, body: ReadableStream, consumption: Consumption): void {
  tapStream(body, consumption);
  tapWholeReads(response, body, consumption);
  wrap(response, "clone", (clone: () => Response) => {
    const copy = clone();
    // Each of the two has a new body now.
    guarded("following a clone", () => {
      const bodies = [response.body, copy.body] as [ReadableStream, ReadableStream];
      const [one, other] = consumption.split(bodies);
      tapResponse(response, bodies[0], one);
      tapResponse(copy, bodies[1], other);
    });
    return copy;
  });
}

/** Wraps each method by which a stream can be consumed. */
function tapStream(body: ReadableStream, consumption: Consumption): void {
  const getReader = body.getReader.bind(body);
  tapWholeReads(body, body, consumption);

  wrap(body, "cancel", (cancel: () => Promise<void>) => {
    const refused = body.locked;
    const result = cancel();
    if (!refused) consumption.left();
    return result;
  });

  wrap(body, "getReader", (get: () => ReadableStreamDefaultReader) => tapReader(get(), body, consumption));

  for (const name of ["values", Symbol.asyncIterator]) {
    wrap(body, name, (iterate: () => AsyncIterator<unknown>) => {
      const iterator = iterate();
      const leave = (): void => lookAfter(iterator);
      consumption.take(iterator);
      wrap(iterator, "return", (finish: () => Promise<unknown>) => watched(finish(), leave, leave));
      wrap(iterator, "next", (next: () => Promise<IteratorResult<unknown>>) =>
        watched(
          next(),
          ({ done }) => done === true && consumption.ended(),
          (error) => consumption.failed(error),
        ),
      );
      return iterator;
    });
  }

  wrap(body, "pipeTo", (pipe: () => Promise<void>) => {
    const refused = body.locked;
    const result = pipe();
    if (refused || !body.locked) return result;
    consumption.take(result);
    return watched(
      result,
      () => consumption.ended(),
      (error) => lookAfter(result, error),
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
    const [one, other] = consumption.split(copies);
    tapStream(copies[0], one);
    tapStream(copies[1], other);
    return copies;
  });

  /** Finds out what became of the stream when a consumer has let go of it, with an error that is the stream's or the consumer's own. */
  function lookAfter(holder: object, error?: unknown): void {
    if (!consumption.isHeldBy(holder)) return;
    consumption.release(body);
    guarded("looking at a stream", () => {
      const reader = getReader();
      reader.closed.then(
        () => consumption.left(),
        // The stream's own error, or that the reader was released while there is more to read.
        (reason: unknown) => reason === error && consumption.failed(error),
      );
      reader.releaseLock();
    });
  }
}

function tapReader(
  reader: ReadableStreamDefaultReader,
  body: ReadableStream,
  consumption: Consumption,
): ReadableStreamDefaultReader {
  consumption.take(reader);
  // Its rejection is never reported as unhandled (Streams standard, [[closedPromise]]), so that this hides none.
  reader.closed.then(
    () => consumption.ended(),
    (error: unknown) => consumption.isHeldBy(reader) && consumption.failed(error),
  );
  wrap(reader, "cancel", (cancel: () => Promise<void>) => {
    const result = cancel();
    if (consumption.isHeldBy(reader)) consumption.left();
    return result;
  });
  wrap(reader, "releaseLock", (release: () => void) => {
    release();
    if (consumption.isHeldBy(reader)) consumption.release(body);
  });
  return reader;
}

/** Wraps the methods that read a body to its end: those of a response, and in Bun of a stream. */
function tapWholeReads(target: object, body: ReadableStream, consumption: Consumption): void {
  for (const name of ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]) {
    wrap(target, name, (read: () => Promise<unknown>) => {
      const refused = body.locked;
      const result = read();
      if (refused || !body.locked) return result;
      consumption.take(result);
      return watched(
        result,
        () => consumption.ended(),
        // What cannot be parsed has been read; as form data events never can.
        (error) => (error instanceof SyntaxError || name === "formData" ? consumption.ended() : consumption.failed(error)),
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
