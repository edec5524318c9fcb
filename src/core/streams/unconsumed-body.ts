import { now } from "../telemetry/meter.ts";

/** How long a response may stay unread before its span ends, in milliseconds. */
export const UNCONSUMED_BODY_TIMEOUT_MS = 3000;
/** How often unread responses are checked, in milliseconds. */
const SWEEP_INTERVAL_MS = 500;

interface EndableCall {
  readonly ended: boolean;
  end(time?: number): void;
}

/** A body whose reading has not begun. It keeps neither the response nor its stream alive. */
export interface UnconsumedBody {
  readonly call: EndableCall;
  readonly response: WeakRef<Response | ReadableStream>;
  readonly body: WeakRef<ReadableStream>;
  /** When the headers arrived, in milliseconds of `performance.now()`. */
  readonly arrived: number;
  /** Whether the end of a body that is being read will be reported to the call. */
  readonly endIsObservable: boolean;
}

const waiting = new Set<UnconsumedBody>();
let timer: ReturnType<typeof setInterval> | undefined;
let timerFunction: unknown;

/** Ends the call of a response whose body is not read. The watch does not keep the process alive. */
export function watchUnconsumedResponse(call: EndableCall, response: Response, body: ReadableStream): UnconsumedBody {
  return watch({ call, response: new WeakRef(response), body: new WeakRef(body), arrived: now(), endIsObservable: true });
}

/** Likewise for a body that the application has as a stream alone: a web stream, or one of Node's. */
export function watchUnconsumedStream(call: EndableCall, body: object): UnconsumedBody {
  const stream = new WeakRef(body as ReadableStream);
  return watch({ call, response: stream, body: stream, arrived: now(), endIsObservable: true });
}

/** A stream as far as its consumers can be observed. */
interface Consumable {
  readonly isConsumed: boolean;
  /** No observable consumer has taken the stream. @param time since when, in milliseconds of `performance.now()`. */
  abandoned(time: number): void;
}

/** Reports a stream as abandoned unless an observable consumer takes it. The watch does not keep the process alive. */
export function watchUnconsumed(tracker: Consumable, body: ReadableStream): void {
  const arrived = now();
  if (globalThis.navigator?.userAgent === "Cloudflare-Workers" || typeof WeakRef === "undefined") {
    endAfterMicrotasks(tracker, arrived, 100);
    return;
  }
  const call = {
    get ended() {
      return tracker.isConsumed;
    },
    end: () => tracker.abandoned(arrived),
  };
  const stream = new WeakRef(body);
  watch({ call, response: stream, body: stream, arrived, endIsObservable: false });
}

/**
 * On Cloudflare no timer outlives a request, and a stream that is passed on is sent after the request is over. So a stream counts as abandoned if it
 * is not taken soon after it arrived: application code that waits for nothing else has run after this many microtasks.
 */
function endAfterMicrotasks(tracker: Consumable, arrived: number, microtasks: number): void {
  if (tracker.isConsumed) return;
  if (microtasks === 0) tracker.abandoned(arrived);
  else queueMicrotask(() => endAfterMicrotasks(tracker, arrived, microtasks - 1));
}

function watch(unconsumed: UnconsumedBody): UnconsumedBody {
  waiting.add(unconsumed);
  // A timer of another `setInterval` may never fire: a test's fake timers were installed or removed in between.
  if (timer === undefined || timerFunction !== setInterval) {
    timerFunction = setInterval;
    timer = setInterval(sweep, SWEEP_INTERVAL_MS);
    unref(timer);
  }
  return unconsumed;
}

/** Timers are numbers in browsers, which have no process to keep alive, and in older versions of Deno. */
function unref(interval: unknown): void {
  if (typeof interval === "object") (interval as NodeJS.Timeout).unref();
  else (globalThis as { Deno?: { unrefTimer?: (id: unknown) => void } }).Deno?.unrefTimer?.(interval);
}

/**
 * Ends the calls of unread responses at the time of their headers, because the application does not control when they are cleaned up. A response
 * that is being read is no longer watched if the end of its body will be reported; otherwise its end cannot be known.
 */
function sweep(): void {
  const time = now();
  for (const unconsumed of waiting) {
    const isRead = hasReader(unconsumed);
    if (unconsumed.call.ended || (isRead && unconsumed.endIsObservable)) waiting.delete(unconsumed);
    else if (isRead || isAbandoned(unconsumed) || time - unconsumed.arrived >= UNCONSUMED_BODY_TIMEOUT_MS) {
      waiting.delete(unconsumed);
      unconsumed.call.end(unconsumed.arrived);
    }
  }
  if (waiting.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

/** What Node's streams show: null until the stream is read. */
interface NodeReadable {
  readonly readableFlowing?: boolean | null;
}

function hasReader(unconsumed: UnconsumedBody): boolean {
  const response = unconsumed.response.deref() as Partial<Response> | undefined;
  const body: (ReadableStream & NodeReadable) | undefined = unconsumed.body.deref();
  return response?.bodyUsed === true || body?.locked === true || typeof body?.readableFlowing === "boolean";
}

/** Whether the response was garbage-collected without having been read. */
export function isAbandoned(unconsumed: UnconsumedBody): boolean {
  return waiting.has(unconsumed) && unconsumed.response.deref() === undefined && !hasReader(unconsumed);
}
