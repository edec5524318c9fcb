import { median } from "../../benchmarks/measure/statistics.ts";
import type { Closed } from "./messages.ts";
import type { Pair, Side } from "./pair.ts";

/** The limits beyond which a figure counts as a defect. */
export const BOUNDS = {
  /** Allowed memory growth beyond that of the run without this library: bytes per call, plus a fixed allowance for caches and tables. */
  bytesACall: 16,
  spare: 8_000_000,
  /** The event loop's delay must exceed that of the run without this library by this factor and by this many milliseconds. */
  delay: { times: 2, milliseconds: 10 },
};

/** Describes every defect of a soak test run; empty if there is none. */
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
    const remaining = traced[side].handles;
    if (remaining.length > plain[side].handles.length) defects.push(`handles remain in the ${side} process: ${remaining.join()}`);
  }
  if (load.streams > 0 && traced.client.events === 0) defects.push("the event streams delivered no events");
  return defects.map((defect) => `${client}: ${defect}`);
}

function lost(what: string, { spans }: Closed, expected: number): string[] {
  const { started, ended, exported } = spans ?? { started: 0, ended: 0, exported: 0 };
  if (started === expected && ended === expected && exported === expected) return [];
  return [`${what}: ${expected} expected, ${started} started, ${ended} ended, ${exported} exported`];
}

/** Memory growth of a process in bytes. */
export function grownBy(side: Side, process: "client" | "server"): number {
  return side.after[process].heap - side.before[process].heap;
}

function growth(what: string, traced: Side, plain: Side, process: "client" | "server"): string[] {
  const own = grownBy(traced, process);
  const others = Math.max(0, grownBy(plain, process));
  const allowed = others * (traced.calls / plain.calls) + BOUNDS.spare + BOUNDS.bytesACall * traced.calls;
  return own <= allowed ? [] : [`the memory of ${what} grew by ${own} bytes, ${allowed.toFixed()} are allowed`];
}

/** Reports a delay only if it is worse both by the medians and in at least three quarters of the block pairs. */
function delays({ blocks }: Pair): string[] {
  const { times, milliseconds } = BOUNDS.delay;
  const isWorse = (own: number, others: number): boolean => own > others * times && own - others > milliseconds;
  return (["mean", "p99"] as const).flatMap((figure) => {
    const own = median(blocks.map(({ traced }) => traced.delay[figure]));
    const others = median(blocks.map(({ plain }) => plain.delay[figure]));
    const worse = blocks.filter(({ traced, plain }) => isWorse(traced.delay[figure], plain.delay[figure]));
    if (!isWorse(own, others) || worse.length * 4 < blocks.length * 3) return [];
    return [`the event loop's delay (${figure}) is ${own.toFixed(1)} ms, without this library ${others.toFixed(1)} ms`];
  });
}
