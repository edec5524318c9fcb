import { random } from "./random.ts";
import type { Random } from "./random.ts";
import { HTTP2_FAULTS } from "./faults/http2-faults.ts";
import { FAULTS } from "./faults/faults.ts";
import type { Fault } from "./faults/faults.ts";
import type { Usage, ClientUsages } from "./clients/usage.ts";

/** When the application aborts a call. */
export type When =
  | "before it begins"
  | "at once"
  /** After a number of microtasks, or of turns of the event loop. */
  | { readonly microtasks: number }
  | { readonly turns: number }
  /** When the server stalls. */
  | "at the hold"
  | "when it is over"
  /** By `AbortSignal.timeout`. */
  | { readonly timeout: number };

type Reason = "none" | "an error" | "a text" | "an object";

/** The plan of one call. It depends only on the seed and the call's number, so that any call can be repeated alone. */
export interface Plan {
  readonly index: number;
  readonly usage: Usage;
  readonly fault: Fault;
  readonly method: string;
  readonly body: "none" | "text" | "bytes" | "large" | "stream" | "failing stream";
  readonly abort: When | undefined;
  readonly reason: Reason;
  /** The signal of the call, unless it is aborted by a timeout. */
  readonly signal: "none" | "own" | "shared" | "any";
}

const BODIES = ["none", "text", "bytes", "large", "stream"] as const;

/** The methods of a call if neither its fault nor its usage restricts them. */
const METHODS = ["GET", "GET", "GET", "GET", "POST", "POST", "PUT", "DELETE"] as const;

/** Which calls are made. */
export interface Choice {
  readonly seed: number;
  /** Only scenarios and usages whose names match. */
  readonly scenario?: string | undefined;
  readonly usage?: string | undefined;
  /** Excludes everything that waits for a timer, which makes the run quick and independent of the load of the machine. */
  readonly isQuick?: boolean;
}

/** Returns the plan of a call by its number. */
export function planner(
  { seed, scenario = "", usage: wanted = "", isQuick = false }: Choice,
  { usages, hangs = [] }: ClientUsages,
): (index: number) => Plan {
  const isWanted = (usage: Usage, { name, methods = METHODS, at, holds }: Fault): boolean =>
    !(isQuick && (usage.timesOut === true || at === "silent-tls" || holds === "perhaps")) &&
    new RegExp(scenario).test(name) &&
    (usage.methods === undefined || methods.some((method) => usage.methods?.includes(method))) &&
    !hangs.some(([hanging, faulty]) => hanging.test(usage.name) && faulty.test(name));
  const choices = usages
    .filter(({ name }) => new RegExp(wanted).test(name))
    .map((usage) => ({ usage, faults: (usage.http2 === true ? HTTP2_FAULTS : FAULTS).filter((fault) => isWanted(usage, fault)) }))
    .filter(({ faults }) => faults.length > 0);
  if (choices.length === 0) throw new RangeError(`no scenario matches ${scenario} with a usage that matches ${wanted}`);

  return (index) => {
    const draw = random(Math.imul(seed, 0x01000193) ^ index);
    const { usage, faults } = draw.pick(choices);
    const fault = draw.pick(faults);
    const method = draw.pick((fault.methods ?? METHODS).filter((name) => usage.methods?.includes(name) !== false));
    return { index, usage, fault, method, ...body(draw, usage, fault, method), ...abort(draw, usage, fault, isQuick) };
  };
}

function body(draw: Random, usage: Usage, fault: Fault, method: string): Pick<Plan, "body"> {
  if (method !== "POST" && method !== "PUT") return { body: "none" };
  const picked = draw.pick(BODIES);
  if (picked !== "stream" || usage.streamsUp === false) return { body: picked === "stream" ? "text" : picked };
  // A server that waits for the whole request stalls when the body fails.
  return { body: fault.begin === undefined && fault.at === undefined && draw.chance(0.2) ? "failing stream" : "stream" };
}

function abort(draw: Random, usage: Usage, fault: Fault, isQuick: boolean): Pick<Plan, "abort" | "reason" | "signal"> {
  const reason = draw.pick(["none", "none", "an error", "a text", "an object"] as const);
  // Clients forget listeners of failed HTTP/2 streams: a long-lived signal would retain everything that they reference.
  const signal = draw.pick(["none", "own", usage.http2 === true ? "own" : "shared", "any"] as const);
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
    usage.timesOut === true ||
    (fault.holds === "in the body" && usage.leaves !== undefined) ||
    (fault.holds === "after the head" && usage.leaves === "at the head");
  if (endsItself) return { abort: undefined, reason, signal };
  // Long enough for the head to arrive first on a busy machine.
  if (!isQuick && (fault.holds === "perhaps" || draw.chance(0.03)))
    return giveUp({ timeout: fault.holds === "before the head" ? 100 : 1000 });
  if (fault.holds === "before the head" && fault.isBehindHop !== true && draw.chance(0.4))
    return giveUp({ turns: 1 + draw.below(8) });
  return giveUp("at the hold");
}
