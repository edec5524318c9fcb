import type { EventEmitter } from "node:events";
import { Socket } from "node:net";

/** What a run leaves behind, in texts that can be compared. */
export interface Leftovers {
  /** What keeps the process alive, when all is closed. */
  readonly handles: readonly string[];
  /** Listeners to the signals that calls share. */
  readonly onShared: number;
  /** Which listeners sockets have that stand idle; each combination once. */
  readonly onSockets: readonly string[];
  readonly onProcess: string;
}

/** What listens, while connections are still open. */
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

/** Timers that the library has set and that have neither fired nor been cleared; it must not be loaded yet. */
export function watchTimers(): () => number {
  const open = new Set<unknown>();
  for (const [set, clear] of [
    ["setTimeout", "clearTimeout"],
    ["setInterval", "clearInterval"],
  ] as const) {
    const original = { set: globalThis[set] as (...args: unknown[]) => unknown, clear: globalThis[clear] };
    Object.assign(globalThis, {
      [set]: (run: (...args: unknown[]) => void, ...rest: unknown[]) => {
        if (new Error("where").stack?.includes(OURS) !== true) return original.set(run, ...rest);
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

const OURS = new URL("../../src/", import.meta.url).href;
