import { context } from "@opentelemetry/api";
import { tapResponse, wrap } from "../../core/streams/body-tap.ts";
import { BodyTracker } from "../../core/streams/body-tracker.ts";
import type { Outcome } from "../../core/streams/body-tracker.ts";
import { now } from "../../core/telemetry/meter.ts";
import type { ServerCall } from "../../core/calls/server-call.ts";

/** Of a response with such headers the body is a stream, or may as well be handled as one. */
const STREAMED = /^(?:text\/event-stream|multipart\/x-mixed-replace|application\/(?:(?:x-)?ndjson|jsonl|json-seq))\b/i;

/** Whether a response says of itself that it is streamed: nothing else tells, where a look at its body would turn that into a stream. */
export function saysStreamed({ headers }: Response): boolean {
  if (headers.has("content-length")) return false;
  return STREAMED.test(headers.get("content-type") ?? "") || /\bchunked\b/i.test(headers.get("transfer-encoding") ?? "");
}

/**
 * The stream that the application answers with; undefined for a body that was whole when the response was made. For Node, where a look at
 * `body` costs nothing, but for a response of `@hono/node-server`'s.
 */
export function streamOf(response: Response): ReadableStream | undefined {
  const made = bodyAsMade(response);
  const body = made === undefined ? response.body : made.body;
  if (!(body instanceof ReadableStream) || body.locked) return undefined;
  return made !== undefined || !isByteStream(body) || saysStreamed(response) ? body : undefined;
}

/**
 * The body that a response of `@hono/node-server`'s was made with: as long as nobody asks for `body`, it keeps status, body and headers in
 * an array, and sends from there. The key is its own, so the shape is looked for; where it is not found, `body` is asked for.
 */
function bodyAsMade(response: Response): { readonly body: unknown } | undefined {
  for (const key of Object.getOwnPropertySymbols(response)) {
    const kept: unknown = Reflect.get(response, key);
    if (Array.isArray(kept) && kept.length === 3 && typeof kept[0] === "number") return { body: kept[1] };
  }
  return undefined;
}

/** Node makes a byte stream of a body that is whole, as for `new Response("text")`; applications seldom make one. */
function isByteStream(body: ReadableStream): boolean {
  try {
    body.getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

/** Has a stream read in a request's context, in place: what the stream is made by (an async generator) runs in that of its reader. */
export function readInContext(call: ServerCall, body: ReadableStream): void {
  const inContext = (proceed: () => never): never => context.with(call.context, proceed);
  const bind = <Part extends object>(part: Part, ...names: PropertyKey[]): Part => {
    for (const name of names) wrap(part, name, inContext);
    return part;
  };
  bind(body, "cancel", "pipeTo");
  wrap(body, "getReader", (get: () => ReadableStreamDefaultReader) => bind(get(), "read", "cancel"));
  for (const name of ["values", Symbol.asyncIterator]) {
    wrap(body, name, (iterate: () => AsyncIterator<unknown>) => bind(iterate(), "next", "return"));
  }
  wrap(body, "tee", (tee: () => [ReadableStream, ReadableStream]) => {
    const copies = inContext(tee as () => never) as [ReadableStream, ReadableStream];
    for (const copy of copies) readInContext(call, copy);
    return copies;
  });
}

/**
 * Tells what becomes of a response's body, in place, for a server that is written in JavaScript and calls the stream's methods.
 *
 * @param dropped is told if nobody can read the body any more.
 */
export function tapInPlace(response: Response, body: ReadableStream, outcome: Outcome, dropped: Dropped | undefined): void {
  const tracker = new BodyTracker(body, outcome);
  tapResponse(response, body, tracker);
  watch(tracker, dropped);
}

/**
 * A copy of a response whose body is read chunk by chunk as it is asked for, in the request's context, and tells what becomes of it: for
 * servers that take the stream itself and call none of its methods (Bun, Deno, Cloudflare).
 */
export function tapCopy(
  call: ServerCall,
  response: Response,
  body: ReadableStream,
  outcome: Outcome,
  dropped: Dropped | undefined,
): Response {
  let taken: ReadableStreamDefaultReader | undefined;
  let isCancelled = false;
  const reader = (): ReadableStreamDefaultReader => (taken ??= body.getReader());
  const source: UnderlyingDefaultSource = {
    async pull(controller) {
      try {
        const { done, value } = await context.with(call.context, () => reader().read());
        if (isCancelled) return;
        if (dropped !== undefined) dropped.time = now();
        if (!done) return controller.enqueue(value);
      } catch (error) {
        outcome.failed(error);
        throw error;
      }
      controller.close();
      outcome.ended();
    },
    cancel(reason) {
      isCancelled = true;
      outcome.left();
      return context.with(call.context, () => reader().cancel(reason));
    },
  };
  const stream = new ReadableStream(source, { highWaterMark: 0 });
  const copy = new Response(stream, response);
  const prototype: unknown = Object.getPrototypeOf(response);
  if (prototype !== Object.getPrototypeOf(copy)) Object.setPrototypeOf(copy, prototype as object);
  watch(stream, dropped);
  return copy;
}

/** What ends a call whose response was dropped in the middle: it must not refer to the response. */
export interface Dropped {
  /** When it was last heard of, in milliseconds. */
  time: number;
  readonly end: (time: number) => void;
}

/** A function of its own: a closure in another would keep alive all that its neighbours refer to. */
export function droppedOf(call: ServerCall, status: number): Dropped {
  return { time: now(), end: (time) => call.end(status, () => undefined, undefined, time) };
}

const watched =
  typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry<Dropped>(({ end, time }) => end(time));

function watch(target: object, dropped: Dropped | undefined): void {
  if (dropped !== undefined) watched?.register(target, dropped);
}
