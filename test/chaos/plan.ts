import { random } from "./random.ts";
import type { Random } from "./random.ts";
import { HTTP2_FAULTS } from "./wire/http2-faults.ts";
import { FAULTS } from "./wire/faults.ts";
import type { Fault } from "./wire/faults.ts";
import type { Way, Ways } from "./ways/way.ts";

/** When the application gives a call up. */
export type When =
  | "before it begins"
  | "at once"
  /** After so many microtasks, or turns of the event loop. */
  | { readonly microtasks: number }
  | { readonly turns: number }
  /** When the server stands still. */
  | "at the hold"
  | "when it is over"
  /** By `AbortSignal.timeout`. */
  | { readonly timeout: number };

type Reason = "none" | "an error" | "a text" | "an object";

/** What is to happen to one call: a function of the seed and the call's number alone, so that any call can be run again by itself. */
export interface Plan {
  readonly index: number;
  readonly way: Way;
  readonly fault: Fault;
  readonly method: string;
  readonly body: "none" | "text" | "bytes" | "large" | "stream" | "failing stream";
  readonly abort: When | undefined;
  readonly reason: Reason;
  /** The signal that the call is given, where it is not aborted by a timeout. */
  readonly signal: "none" | "own" | "shared" | "any";
}

const BODIES = ["none", "text", "bytes", "large", "stream"] as const;

/** The methods that a call is made with if neither its fault nor its way says which. */
const METHODS = ["GET", "GET", "GET", "GET", "POST", "POST", "PUT", "DELETE"] as const;

/** Which calls are made. */
export interface Choice {
  readonly seed: number;
  /** Only scenarios and ways with names like these. */
  readonly scenario?: string | undefined;
  readonly way?: string | undefined;
  /** Nothing that waits for a timer: it is quick, and a busy machine makes no difference. */
  readonly isQuick?: boolean;
}

/** The plans of a client's calls, by their numbers. */
export function planner(
  { seed, scenario = "", way: wanted = "", isQuick = false }: Choice,
  { ways, hangs = [] }: Ways,
): (index: number) => Plan {
  const isWanted = (way: Way, { name, methods = METHODS, at, holds }: Fault): boolean =>
    !(isQuick && (way.timesOut === true || at === "silent-tls" || holds === "perhaps")) &&
    new RegExp(scenario).test(name) &&
    (way.methods === undefined || methods.some((method) => way.methods?.includes(method))) &&
    !hangs.some(([hanging, faulty]) => hanging.test(way.name) && faulty.test(name));
  const choices = ways
    .filter(({ name }) => new RegExp(wanted).test(name))
    .map((way) => ({ way, faults: (way.http2 === true ? HTTP2_FAULTS : FAULTS).filter((fault) => isWanted(way, fault)) }))
    .filter(({ faults }) => faults.length > 0);
  if (choices.length === 0) throw new RangeError(`no scenario is like ${scenario}, used in a way like ${wanted}`);

  return (index) => {
    const draw = random(Math.imul(seed, 0x01000193) ^ index);
    const { way, faults } = draw.pick(choices);
    const fault = draw.pick(faults);
    const method = draw.pick((fault.methods ?? METHODS).filter((name) => way.methods?.includes(name) !== false));
    return { index, way, fault, method, ...body(draw, way, fault, method), ...abort(draw, way, fault, isQuick) };
  };
}

function body(draw: Random, way: Way, fault: Fault, method: string): Pick<Plan, "body"> {
  if (method !== "POST" && method !== "PUT") return { body: "none" };
  const picked = draw.pick(BODIES);
  if (picked !== "stream" || way.streamsUp === false) return { body: picked === "stream" ? "text" : picked };
  // A server that waits for all of the request stands still when its body fails.
  return { body: fault.begin === undefined && fault.at === undefined && draw.chance(0.2) ? "failing stream" : "stream" };
}

function abort(draw: Random, way: Way, fault: Fault, isQuick: boolean): Pick<Plan, "abort" | "reason" | "signal"> {
  const reason = draw.pick(["none", "none", "an error", "a text", "an object"] as const);
  // Clients forget listeners of streams of HTTP/2 that fail: a signal that lives on would hold all that they lead to.
  const signal = draw.pick(["none", "own", way.http2 === true ? "own" : "shared", "any"] as const);
  const giveUp = (when: When): Pick<Plan, "abort" | "reason" | "signal"> => {
    return { abort: when, reason, signal: signal === "any" ? "any" : "own" };
  };
  const early: readonly When[] = ["before it begins", "at once", { microtasks: draw.below(12) }];
  if (fault.holds === undefined) {
    if (draw.chance(0.1)) return giveUp(draw.pick(early));
    if (draw.chance(0.1)) return giveUp("when it is over");
    return { abort: undefined, reason, signal };
  }
  if (draw.chance(0.1)) return giveUp(draw.pick(early));
  const endsItself =
    way.timesOut === true ||
    (fault.holds === "in the body" && way.leaves !== undefined) ||
    (fault.holds === "after the head" && way.leaves === "at the head");
  if (endsItself) return { abort: undefined, reason, signal };
  // So long that on a busy machine too the head comes first.
  if (!isQuick && (fault.holds === "perhaps" || draw.chance(0.03)))
    return giveUp({ timeout: fault.holds === "before the head" ? 100 : 1000 });
  if (fault.holds === "before the head" && fault.isBehindHop !== true && draw.chance(0.4))
    return giveUp({ turns: 1 + draw.below(8) });
  return giveUp("at the hold");
}
