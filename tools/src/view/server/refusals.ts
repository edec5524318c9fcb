import type { Refusal } from "./answer.ts";

/** Remembers what was refused, each message once. */
export interface Refusals {
  /** @returns whether it is the first of its kind. */
  readonly add: (refusal: Refusal) => boolean;
  readonly list: () => { message: string; count: number }[];
  readonly clear: () => void;
}

const MOST = 5;

export function createRefusals(): Refusals {
  const counts = new Map<string, number>();
  return {
    add: ({ message }) => {
      const before = counts.get(message) ?? 0;
      // The latest stands last.
      counts.delete(message);
      counts.set(message, before + 1);
      const [oldest] = counts.keys();
      if (counts.size > MOST && oldest !== undefined) counts.delete(oldest);
      return before === 0;
    },
    list: () => [...counts].map(([message, count]) => ({ message, count })),
    clear: () => counts.clear(),
  };
}
