// How a product hands over what it has recorded; its set-up says so.
const KEY = Symbol.for("coexistence.flush");
const place = globalThis as { [KEY]?: () => Promise<unknown> };

export function onFlush(handOver: () => Promise<unknown>): void {
  place[KEY] = handOver;
}

export async function flush(): Promise<void> {
  await place[KEY]?.();
}
