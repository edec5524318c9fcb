import type { ServerResponse } from "node:http";
import type { Store } from "../store.ts";

/** Tells the open pages that something has come in. */
export interface Events {
  /** Makes a response a stream of server-sent events; false if there are too many already. */
  readonly add: (response: ServerResponse) => boolean;
  /** Something beside the store has changed. */
  readonly changed: () => void;
  readonly close: () => void;
}

/** Milliseconds in which many changes are told once. */
const PAUSE = 150;
/** Milliseconds after which a silent connection is written to, so that one that broke is noticed. */
const HEARTBEAT = 15_000;
const MOST = 32;

export function createEvents(store: Store): Events {
  const pages = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const page of pages) page.write("event: change\ndata: \n\n");
    }, PAUSE);
  };
  const unwatch = store.watch(changed);
  const heartbeat = setInterval(() => {
    for (const page of pages) page.write(":\n\n");
  }, HEARTBEAT);
  heartbeat.unref();
  return {
    add: (response) => {
      if (pages.size >= MOST) return false;
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
      // Time until the page tries again after the connection broke.
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
