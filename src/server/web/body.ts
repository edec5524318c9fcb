import { context } from "@opentelemetry/api";
import { tapResponse } from "../../core/streams/body-tap.ts";
import { BodyTracker } from "../../core/streams/body-tracker.ts";
import type { BodyOutcome } from "../../core/streams/body-tracker.ts";
import { now } from "../../core/telemetry/meter.ts";
import type { ServerCall } from "../../core/calls/server-call.ts";

// Content types of bodies that are streams, or that can be handled like one.
const STREAMED_CONTENT_TYPE = /^(?:text\/event-stream|multipart\/x-mixed-replace|application\/(?:(?:x-)?ndjson|jsonl|json-seq))\b/i;

/** Whether the headers of a response declare that it is streamed. On some platforms reading `body` turns a whole body into a stream. */
export function declaresStream({ headers }: Response): boolean {
  if (headers.has("content-length")) return false;
  return (
    STREAMED_CONTENT_TYPE.test(headers.get("content-type") ?? "") || /\bchunked\b/i.test(headers.get("transfer-encoding") ?? "")
  );
}

/**
 * The stream that the application responds with; undefined for a body that was complete when the response was created. For Node.js, where
 * reading `body` is cheap, except on a response of `@hono/node-server`.
 */
export function applicationStream(response: Response): ReadableStream | undefined {
  const initial = initialBody(response);
  const body = initial === undefined ? response.body : initial.body;
  if (!(body instanceof ReadableStream) || body.locked) return undefined;
  return initial !== undefined || !isByteStream(body) || declaresStream(response) ? body : undefined;
}

/**
 * The body that a response of `@hono/node-server` was created with. Until `body` is read, such a response keeps status, body and headers in an
 * array under a private symbol, and sends them from there. The array is recognised by its shape; undefined if there is none.
 */
function initialBody(response: Response): { readonly body: unknown } | undefined {
  for (const key of Object.getOwnPropertySymbols(response)) {
    const kept: unknown = Reflect.get(response, key);
    if (Array.isArray(kept) && kept.length === 3 && typeof kept[0] === "number") return { body: kept[1] };
  }
  return undefined;
}

/** Node.js makes a byte stream of a complete body, as in `new Response("text")`; applications seldom create one. */
function isByteStream(body: ReadableStream): boolean {
  try {
    body.getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

/**
 * Follows a response's body in place, for servers that are written in JavaScript and call the stream's methods.
 *
 * @param dropped ends the call if the body is garbage-collected.
 */
export function tapInPlace(response: Response, body: ReadableStream, outcome: BodyOutcome, dropped: Dropped | undefined): void {
  const tracker = BodyTracker.track(body, outcome);
  tapResponse(response, body, tracker);
  endIfCollected(tracker, dropped);
}

/**
 * Copies a response, with a body that reads the original in the request's context, chunk by chunk on demand, and reports its outcome: for
 * servers that do not call the stream's methods (Bun, Deno, Cloudflare).
 */
export function tapCopy(
  call: ServerCall,
  response: Response,
  body: ReadableStream,
  outcome: BodyOutcome,
  dropped: Dropped | undefined,
): Response {
  let original: ReadableStreamDefaultReader | undefined;
  let isCancelled = false;
  const reader = (): ReadableStreamDefaultReader => (original ??= body.getReader());
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
      outcome.abandoned();
      return context.with(call.context, () => reader().cancel(reason));
    },
  };
  const stream = new ReadableStream(source, { highWaterMark: 0 });
  const copy = new Response(stream, response);
  const prototype: unknown = Object.getPrototypeOf(response);
  if (prototype !== Object.getPrototypeOf(copy)) Object.setPrototypeOf(copy, prototype as object);
  endIfCollected(stream, dropped);
  return copy;
}

/** Ends a call whose response body was garbage-collected before its end. It must not refer to the response. */
export interface Dropped {
  /** When the body was last read, in milliseconds of `performance.now()`. */
  time: number;
  readonly end: (time: number) => void;
}

// At module level, because closures of one function share their variables: this one must not keep the response alive.
export function endWhenDropped(call: ServerCall, status: number): Dropped {
  return { time: now(), end: (time) => call.end({ status, time }) };
}

const droppedBodies =
  typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry<Dropped>(({ end, time }) => end(time));

function endIfCollected(target: object, dropped: Dropped | undefined): void {
  if (dropped !== undefined) droppedBodies?.register(target, dropped);
}
