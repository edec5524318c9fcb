import { median } from "../../benchmarks/measure/statistics.ts";
import type { Closed } from "./messages.ts";
import type { Pair, Side } from "./pair.ts";

/** What is too much. */
export const BOUNDS = {
  /** Bytes that memory may grow by with a call, beyond what it does without us; with so many bytes to spare for what caches and tables take. */
  bytesACall: 16,
  spare: 8_000_000,
  /** The event loop's delay with us, as a multiple of that without us, and how many milliseconds more it has to be to matter. */
  delay: { times: 2, milliseconds: 10 },
};

/** What is wrong with a soak, in words; nothing is what is wanted. */
export function defectsOf(pair: Pair): string[] {
  const { client, load, traced, plain } = pair;
  const defects = [
    ...lost(`spans of ${client}`, traced.client, traced.calls + load.streams),
    ...lost("spans of the server", traced.server, traced.calls + load.streams),
    ...growth("the client", traced, plain, "client"),
    ...growth("the server", traced, plain, "server"),
    ...delays(pair),
  ];
  for (const side of ["client", "server"] as const) {
    const left = traced[side].handles;
    if (left.length > plain[side].handles.length) defects.push(`handles are left at the ${side}: ${left.join()}`);
  }
  if (load.streams > 0 && traced.client.events === 0) defects.push("the event streams have brought no events");
  return defects.map((defect) => `${client}: ${defect}`);
}

function lost(what: string, { spans }: Closed, expected: number): string[] {
  const { started, ended, exported } = spans ?? { started: 0, ended: 0, exported: 0 };
  if (started === expected && ended === expected && exported === expected) return [];
  return [`${what}: ${expected} expected, ${started} started, ${ended} ended, ${exported} exported`];
}

/** Bytes that the memory of a process has grown by. */
export function grownBy(side: Side, process: "client" | "server"): number {
  return side.after[process].heap - side.before[process].heap;
}

function growth(what: string, traced: Side, plain: Side, process: "client" | "server"): string[] {
  const own = grownBy(traced, process);
  const others = Math.max(0, grownBy(plain, process));
  const allowed = others * (traced.calls / plain.calls) + BOUNDS.spare + BOUNDS.bytesACall * traced.calls;
  return own <= allowed ? [] : [`the memory of ${what} has grown by ${own} bytes, ${allowed.toFixed()} are allowed`];
}

/** Clearly later: by the medians, and in most of the pairs, whose blocks followed each other. */
function delays({ blocks }: Pair): string[] {
  const { times, milliseconds } = BOUNDS.delay;
  const isWorse = (own: number, others: number): boolean => own > others * times && own - others > milliseconds;
  return (["mean", "p99"] as const).flatMap((figure) => {
    const own = median(blocks.map(({ traced }) => traced.delay[figure]));
    const others = median(blocks.map(({ plain }) => plain.delay[figure]));
    const worse = blocks.filter(({ traced, plain }) => isWorse(traced.delay[figure], plain.delay[figure]));
    if (!isWorse(own, others) || worse.length * 4 < blocks.length * 3) return [];
    return [`the event loop's delay (${figure}) is ${own.toFixed(1)} ms, without us ${others.toFixed(1)} ms`];
  });
}
