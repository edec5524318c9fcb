import type { ClientCall } from "./client-call.ts";
import { now } from "./metrics.ts";

// How long a response may lie unread, and how often that is looked at, in milliseconds.
const PATIENCE = 3000;
const PERIOD = 500;

interface Unread {
  readonly call: ClientCall;
  readonly response: WeakRef<Response>;
  readonly body: WeakRef<ReadableStream>;
  readonly arrived: number;
}

const waiting = new Set<Unread>();
let timer: NodeJS.Timeout | undefined;

/** Watches over a response whose body is still coming; nothing here keeps the response, its stream or the process alive. */
export function watchUnread(call: ClientCall, response: Response, body: ReadableStream): Unread {
  const unread: Unread = { call, response: new WeakRef(response), body: new WeakRef(body), arrived: now() };
  waiting.add(unread);
  if (timer === undefined) {
    timer = setInterval(sweep, PERIOD);
    timer.unref();
  }
  return unread;
}

/**
 * Ends the calls whose response lies unread, with the time of its headers: clean-up is nothing that the application did. A response that
 * is being read is let go of, for the end of its body will be told.
 */
function sweep(): void {
  const time = now();
  for (const unread of waiting) {
    if (unread.call.ended || isRead(unread)) waiting.delete(unread);
    else if (isAbandoned(unread) || time - unread.arrived >= PATIENCE) {
      waiting.delete(unread);
      unread.call.end(unread.arrived);
    }
  }
  if (waiting.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function isRead({ response, body }: Unread): boolean {
  return response.deref()?.bodyUsed === true || body.deref()?.locked === true;
}

/** Whether the response was collected without having been read. */
export function isAbandoned(unread: Unread): boolean {
  return waiting.has(unread) && unread.response.deref() === undefined && !isRead(unread);
}

export type { Unread };
