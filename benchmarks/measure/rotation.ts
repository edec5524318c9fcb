import { inOrder, times } from "./in-order.ts";
import { estimate, median } from "./statistics.ts";
import type { Estimate } from "./statistics.ts";
import { SUBJECTS, repeat } from "./trio.ts";
import type { Call, Subject, Trio } from "./trio.ts";

export interface RotationOptions {
  readonly rounds: number;
  readonly calls: number;
  /** In how many turns a round's calls are made: more where the client itself takes long, so that all three meet the same machine. */
  readonly turns: number;
  readonly inFlight: number;
  /** What is done between rounds and is not measured: the spans are exported. */
  readonly settle: () => Promise<void>;
}

/** Calls of each before the first round, by which all of them run compiled. */
const WARM_UP = 20_000;

/** Microseconds of the process's own time for a call, over all rounds. */
export interface Timing {
  readonly base: number;
  /** The floor's own share: beyond the base. */
  readonly floor: number;
  /** The library's own share: beyond the base. */
  readonly traced: Estimate;
  /** The traced share by the floor's share. */
  readonly ratio: Estimate;
}

/**
 * Has base, floor and traced take turns in one process. A slow spell of the machine then meets all three, and the median over the rounds of
 * (traced - base) / (floor - base) moves far less from run to run than the time of any one of them.
 */
export async function rotate(trio: Trio, options: RotationOptions): Promise<Timing> {
  const rounds = await roundsOf(trio, options);
  const own = (subject: Subject): number[] => rounds.map((round) => round[subject] - round.base);
  const floor = own("floor");
  const traced = own("traced");
  return {
    base: median(rounds.map((round) => round.base)),
    floor: median(floor),
    traced: estimate(traced),
    ratio: estimate(traced.map((time, i) => time / (floor[i] as number))),
  };
}

async function roundsOf(trio: Trio, options: RotationOptions): Promise<Record<Subject, number>[]> {
  const { rounds, calls, turns, inFlight, settle } = options;
  const measured: Record<Subject, number>[] = [];
  const warmUp = Math.ceil(WARM_UP / calls);
  await inOrder(times(warmUp + rounds), async (round) => {
    const time: Record<Subject, number[]> = { base: [], floor: [], traced: [] };
    await inOrder(times(turns), (turn) =>
      // Another one begins each time: whoever comes first may find the caches cold.
      inOrder(inTurn(round + turn), async (subject) => {
        time[subject].push(((await cpuTime(trio[subject], calls / turns, inFlight)) * turns) / calls);
        await settle();
      }),
    );
    if (round < warmUp) return;
    measured.push({ base: median(time.base), floor: median(time.floor), traced: median(time.traced) });
  });
  return measured;
}

function inTurn(first: number): Subject[] {
  return SUBJECTS.map((_, i) => SUBJECTS[(i + first) % SUBJECTS.length] as Subject);
}

/** Microseconds of CPU that the process spends on a number of calls: what other processes do meanwhile does not count. */
async function cpuTime(call: Call, calls: number, inFlight: number): Promise<number> {
  const start = process.cpuUsage();
  await repeat(call, calls, inFlight);
  const { user, system } = process.cpuUsage(start);
  return user + system;
}
