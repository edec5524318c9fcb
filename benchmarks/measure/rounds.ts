import { VARIANTS, repeatCall } from "./calls.ts";
import type { Call, CallVariants, Variant } from "./calls.ts";

/** CPU microseconds per call: for each variant one value per round. */
export type Rounds = Record<Variant, number[]>;

export interface RoundOptions {
  /** Calls of each variant in a round. */
  readonly calls: number;
  readonly inFlight?: number;
  /** Exports the recorded spans after each round, outside the measured time, so that the span processor's queue never fills up. */
  readonly flush: () => Promise<void>;
}

/**
 * Measures a number of rounds and appends them to `rounds`. In a round the three variants take turns within a few milliseconds, so that a slow
 * phase of the machine slows down all three.
 */
export async function measureRounds(variants: CallVariants, rounds: Rounds, count: number, options: RoundOptions): Promise<void> {
  const { calls, inFlight, flush } = options;
  for (let i = 0; i < count; i++) {
    for (const variant of rotatedVariants(rounds.untraced.length)) {
      rounds[variant].push(await cpuTimePerCall(variants[variant], calls, inFlight));
    }
    await flush();
  }
}

export function noRounds(): Rounds {
  return { untraced: [], baseline: [], traced: [] };
}

/** Calls of each variant before the first measured round. V8 has compiled most of the code by then; the quietest rounds are later ones. */
const WARM_UP_CALLS = 10_000;

export async function warmUp(variants: CallVariants, options: RoundOptions): Promise<void> {
  await measureRounds(variants, noRounds(), Math.ceil(WARM_UP_CALLS / options.calls), options);
}

/** Each round starts with another variant, because the first one of a round may find the caches cold. */
function rotatedVariants(round: number): Variant[] {
  return VARIANTS.map((_, i) => VARIANTS[(i + round) % VARIANTS.length] as Variant);
}

/** CPU time of the process does not include the time in which other processes run. */
async function cpuTimePerCall(call: Call, calls: number, inFlight: number | undefined): Promise<number> {
  const start = process.cpuUsage();
  await repeatCall(call, calls, inFlight);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / calls;
}
