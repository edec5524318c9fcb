import type { ClientCall } from "./client-call.ts";
import { now } from "./metrics.ts";

/** How long a response may lie unread, in milliseconds. */
export const PATIENCE = 3000;
/** How often that is looked at, in milliseconds. */
const PERIOD = 500;

interface Unread {
  readonly call: Pick<ClientCall, "ended" | "end">;
  readonly response: WeakRef<Response | ReadableStream>;
  readonly body: WeakRef<ReadableStream>;
  readonly arrived: number;
  /** Whether we shall be told of the end of a body that is being read. */
  readonly told: boolean;
}

const waiting = new Set<Unread>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Watches over a response whose body is still coming; nothing here keeps the response, its stream or the process alive. */
export function watchUnread(call: ClientCall, response: Response, body: ReadableStream): Unread {
  return watch({ call, response: new WeakRef(response), body: new WeakRef(body), arrived: now(), told: true });
}

/** Watches over a body that is handed over as a stream alone: a web stream, or one of Node's. */
export function watchUnreadStream(call: ClientCall, body: object): Unread {
  const stream = new WeakRef(body as ReadableStream);
  return watch({ call, response: stream, body: stream, arrived: now(), told: true });
}

/** Who has a stream, as far as its consumers are in sight. */
interface Consumption {
  readonly taken: boolean;
  /** Nobody in sight takes the stream. */
  left(time: number): void;
}

/** Watches over a stream until somebody in sight takes it; nothing here keeps the stream or the process alive. */
export function watchUntaken(consumption: Consumption, body: ReadableStream): void {
  const arrived = now();
  if (globalThis.navigator?.userAgent === "Cloudflare-Workers" || typeof WeakRef === "undefined") {
    leaveSoon(consumption, arrived, 100);
    return;
  }
  const call = {
    get ended() {
      return consumption.taken;
    },
    end: () => consumption.left(arrived),
  };
  const stream = new WeakRef(body);
  watch({ call, response: stream, body: stream, arrived, told: false });
}

/**
 * On Cloudflare no timer outlives a request, and a stream that is passed on is sent when the request is over. So a stream counts as left
 * when nobody has taken it as soon as it came: application code that waits for nothing else is through after so many microtasks.
 */
function leaveSoon(consumption: Consumption, arrived: number, microtasks: number): void {
  if (consumption.taken) return;
  if (microtasks === 0) consumption.left(arrived);
  else queueMicrotask(() => leaveSoon(consumption, arrived, microtasks - 1));
}

function watch(unread: Unread): Unread {
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
    else if (read || isAbandoned(unread) || time - unread.arrived >= PATIENCE) {
      waiting.delete(unread);
      unread.call.end(unread.arrived);
    }
  }
  if (waiting.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function isRead(unread: Unread): boolean {
  const response = unread.response.deref() as Partial<Response> | undefined;
  const body: (ReadableStream & NodeReading) | undefined = unread.body.deref();
  return response?.bodyUsed === true || body?.locked === true || typeof body?.readableFlowing === "boolean";
}

/** What a stream of Node's tells: null as long as nobody has begun to read it. */
interface NodeReading {
  readonly readableFlowing?: boolean | null;
}

/** Whether the response was collected without having been read. */
export function isAbandoned(unread: Unread): boolean {
  return waiting.has(unread) && unread.response.deref() === undefined && !isRead(unread);
}

export type { Unread };
