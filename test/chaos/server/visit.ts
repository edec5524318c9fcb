import type { Handler } from "./handlers.ts";
import type { Visitor } from "./visitors.ts";

/** What a visit has come to. `"handled"`: the handler has been called; `"answered"`: it has sent what it had to send. */
type Stage = "handled" | "answered";

/** One connection of a visitor's, and what a handler makes of its requests. */
export interface Visit {
  readonly index: number;
  readonly visitor: Visitor;
  readonly handler: Handler;
  /** The caller's header. */
  readonly traceparent: string;
  /** What the handler was told of, in order. */
  readonly notes: string[];
  /** How many requests have reached the handler. */
  handled: number;
  readonly reached: (stage: Stage) => void;
  readonly until: (stage: Stage) => Promise<void>;
  /** Looks whether the handler's code runs in its request's context. */
  readonly look: (where: string) => void;
  readonly over: () => void;
}

const running = new Map<number, Visit>();

/** The visit that a request belongs to: paths begin with its number. */
export function visitOf(path: string | undefined): Visit | undefined {
  return running.get(Number(path?.split("/")[1]));
}

export function beginVisit(
  index: number,
  visitor: Visitor,
  handler: Handler,
  traceparent: string,
  look: (index: number, where: string) => void,
): Visit {
  const resolvers = new Map<Stage, () => void>();
  const waiting = new Map<Stage, Promise<void>>();
  for (const stage of ["handled", "answered"] as const) {
    waiting.set(stage, new Promise((resolve) => void resolvers.set(stage, resolve)));
  }
  const visit: Visit = {
    index,
    visitor,
    handler,
    traceparent,
    notes: [],
    handled: 0,
    reached: (stage) => resolvers.get(stage)?.(),
    until: async (stage) => waiting.get(stage),
    look: (where) => {
      if (visitor.isUntraced !== true) look(index, where);
    },
    over: () => void running.delete(index),
  };
  running.set(index, visit);
  return visit;
}
