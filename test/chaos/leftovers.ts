import type { EventEmitter } from "node:events";
import { Socket } from "node:net";

/** What a run leaves behind, in comparable form. */
export interface Leftovers {
  /** What keeps the process alive after everything is closed. */
  readonly handles: readonly string[];
  /** The number of listeners on the shared signals. */
  readonly onShared: number;
  /** The listeners of idle sockets; each combination once. */
  readonly onSockets: readonly string[];
  readonly onProcess: string;
}

/** The listeners while connections are still open. */
export function listeners(): Pick<Leftovers, "onSockets" | "onProcess"> {
  const { _getActiveHandles: activeHandles } = process as unknown as { _getActiveHandles: () => unknown[] };
  const sockets = activeHandles.call(process).filter((handle) => handle instanceof Socket && handle.remotePort !== undefined);
  return {
    onSockets: [...new Set(sockets.map((socket) => listenersOf(socket as Socket)))].toSorted(),
    onProcess: listenersOf(process),
  };
}

function listenersOf(emitter: EventEmitter): string {
  const names = emitter.eventNames().map((name) => `${String(name)} ${emitter.listenerCount(name)}`);
  return names.toSorted().join(", ");
}

/** Counts the pending timers of the library. Must be called before the library is loaded. */
export function watchTimers(): () => number {
  const open = new Set<unknown>();
  for (const [set, clear] of [
    ["setTimeout", "clearTimeout"],
    ["setInterval", "clearInterval"],
  ] as const) {
    const original = { set: globalThis[set] as (...args: unknown[]) => unknown, clear: globalThis[clear] };
    Object.assign(globalThis, {
      [set]: (run: (...args: unknown[]) => void, ...rest: unknown[]) => {
        if (new Error("where").stack?.includes(LIBRARY) !== true) return original.set(run, ...rest);
        const timer = original.set(
          (...args: unknown[]) => {
            if (set === "setTimeout") open.delete(timer);
            run(...args);
          },
          ...rest,
        );
        open.add(timer);
        return timer;
      },
      [clear]: (timer: never) => {
        open.delete(timer);
        original.clear(timer);
      },
    });
  }
  return () => open.size;
}

const LIBRARY = new URL("../../src/", import.meta.url).href;
