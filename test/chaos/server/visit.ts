import type { Handler } from "./handlers.ts";
import type { Visitor } from "./visitors.ts";

/** The stage of a visit. `"handled"`: the handler was called; `"answered"`: it has sent its response. */
type Stage = "handled" | "answered";

/** One connection of a visitor and the handling of its requests. */
export interface Visit {
  readonly index: number;
  readonly visitor: Visitor;
  readonly handler: Handler;
  /** The caller's header. */
  readonly traceparent: string;
  /** The events that the handler observed, in order. */
  readonly notes: string[];
  /** The number of requests that reached the handler. */
  handled: number;
  readonly reached: (stage: Stage) => void;
  readonly until: (stage: Stage) => Promise<void>;
  /** Checks that the handler runs in the context of its request. */
  readonly look: (where: string) => void;
  readonly over: () => void;
}

const running = new Map<number, Visit>();

/** The visit of a request, whose path begins with the visit's number. */
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
