import type { Refusal } from "./answer.ts";

/** Counts refusals by their message. */
export interface Refusals {
  /** @returns whether it is the first with its message. */
  readonly add: (refusal: Refusal) => boolean;
  readonly list: () => { message: string; count: number }[];
  readonly clear: () => void;
}

const MAX_MESSAGES = 5;

export function createRefusals(): Refusals {
  const counts = new Map<string, number>();
  return {
    add: ({ message }) => {
      const before = counts.get(message) ?? 0;
      // The latest message is the last.
      counts.delete(message);
      counts.set(message, before + 1);
      const [oldest] = counts.keys();
      if (counts.size > MAX_MESSAGES && oldest !== undefined) counts.delete(oldest);
      return before === 0;
    },
    list: () => [...counts].map(([message, count]) => ({ message, count })),
    clear: () => counts.clear(),
  };
}
