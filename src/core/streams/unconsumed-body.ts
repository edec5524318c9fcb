import type { ClientCall } from "../calls/client-call.ts";
import { now } from "../telemetry/meter.ts";

/** How long a response may lie unread, in milliseconds. */
export const UNCONSUMED_BODY_TIMEOUT_MS = 3000;
/** How often that is looked at, in milliseconds. */
const PERIOD = 500;

interface UnconsumedBody {
  readonly call: Pick<ClientCall, "ended" | "end">;
  readonly response: WeakRef<Response | ReadableStream>;
  readonly body: WeakRef<ReadableStream>;
  readonly arrived: number;
  /** Whether we shall be told of the end of a body that is being read. */
  readonly told: boolean;
}

const waiting = new Set<UnconsumedBody>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Watches over a response whose body is still coming; nothing here keeps the response, its stream or the process alive. */
export function watchUnconsumedResponse(call: ClientCall, response: Response, body: ReadableStream): UnconsumedBody {
  return watch({ call, response: new WeakRef(response), body: new WeakRef(body), arrived: now(), told: true });
}

/** Watches over a body that is handed over as a stream alone: a web stream, or one of Node's. */
export function watchUnconsumedStream(call: ClientCall, body: object): UnconsumedBody {
  const stream = new WeakRef(body as ReadableStream);
  return watch({ call, response: stream, body: stream, arrived: now(), told: true });
}

/** Who has a stream, as far as its consumers are in sight. */
interface BodyTracker {
  readonly taken: boolean;
  /** Nobody in sight takes the stream. */
  left(time: number): void;
}

/** Watches over a stream until somebody in sight takes it; nothing here keeps the stream or the process alive. */
export function watchUnconsumed(tracker: BodyTracker, body: ReadableStream): void {
  const arrived = now();
  if (globalThis.navigator?.userAgent === "Cloudflare-Workers" || typeof WeakRef === "undefined") {
    endAfterMicrotasks(tracker, arrived, 100);
    return;
  }
  const call = {
    get ended() {
      return tracker.taken;
    },
    end: () => tracker.left(arrived),
  };
  const stream = new WeakRef(body);
  watch({ call, response: stream, body: stream, arrived, told: false });
}

/**
 * On Cloudflare no timer outlives a request, and a stream that is passed on is sent when the request is over. So a stream counts as left
 * when nobody has taken it as soon as it came: application code that waits for nothing else is through after so many microtasks.
 */
function endAfterMicrotasks(tracker: BodyTracker, arrived: number, microtasks: number): void {
  if (tracker.taken) return;
  if (microtasks === 0) tracker.left(arrived);
  else queueMicrotask(() => endAfterMicrotasks(tracker, arrived, microtasks - 1));
}

function watch(unread: UnconsumedBody): UnconsumedBody {
  waiting.add(unread);
  if (timer === undefined) {
    timer = setInterval(sweep, PERIOD);
    unref(timer);
  }
  return unread;
}

/** Timers are numbers in browsers, where no process waits for them, and in older Denos. */
function unref(interval: unknown): void {
  if (typeof interval === "object") (interval as NodeJS.Timeout).unref();
  else (globalThis as { Deno?: { unrefTimer?: (id: unknown) => void } }).Deno?.unrefTimer?.(interval);
}

/**
 * Ends the calls whose response lies unread, with the time of its headers: clean-up is nothing that the application did. A response that
 * is being read is let go of if the end of its body will be told; else nothing more can be known of it.
 */
function sweep(): void {
  const time = now();
  for (const unread of waiting) {
    const read = isRead(unread);
    if (unread.call.ended || (read && unread.told)) waiting.delete(unread);
    else if (read || isAbandoned(unread) || time - unread.arrived >= UNCONSUMED_BODY_TIMEOUT_MS) {
      waiting.delete(unread);
      unread.call.end(unread.arrived);
    }
  }
  if (waiting.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function isRead(unread: UnconsumedBody): boolean {
  const response = unread.response.deref() as Partial<Response> | undefined;
  const body: (ReadableStream & NodeReading) | undefined = unread.body.deref();
  return response?.bodyUsed === true || body?.locked === true || typeof body?.readableFlowing === "boolean";
}

/** What a stream of Node's tells: null as long as nobody has begun to read it. */
interface NodeReading {
  readonly readableFlowing?: boolean | null;
}

/** Whether the response was collected without having been read. */
export function isAbandoned(unread: UnconsumedBody): boolean {
  return waiting.has(unread) && unread.response.deref() === undefined && !isRead(unread);
}

export type { UnconsumedBody };
