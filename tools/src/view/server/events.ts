import type { ServerResponse } from "node:http";
import type { Store } from "../store.ts";

/** Notifies the open pages of changes. */
export interface Events {
  /** Turns a response into a stream of server-sent events; false if too many are open. */
  readonly add: (response: ServerResponse) => boolean;
  /** Reports a change outside of the store. */
  readonly changed: () => void;
  readonly close: () => void;
}

/** The time in which several changes cause one event. */
const DEBOUNCE_MS = 150;
/** The interval of writes to idle connections, by which broken ones are detected. */
const HEARTBEAT_MS = 15_000;
const MAX_PAGES = 32;

export function createEvents(store: Store): Events {
  const pages = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const page of pages) page.write("event: change\ndata: \n\n");
    }, DEBOUNCE_MS);
  };
  const unwatch = store.watch(changed);
  const heartbeat = setInterval(() => {
    for (const page of pages) page.write(":\n\n");
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    add: (response) => {
      if (pages.size >= MAX_PAGES) return false;
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
      // The delay before the page reconnects.
      response.write("retry: 1000\n\n");
      pages.add(response);
      response.on("close", () => pages.delete(response));
      return true;
    },
    changed,
    close: () => {
      unwatch();
      clearTimeout(timer);
      clearInterval(heartbeat);
      for (const page of pages) page.end();
    },
  };
}
