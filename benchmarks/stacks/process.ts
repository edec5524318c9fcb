import { inOrder, times } from "../measure/in-order.ts";
import { quantile } from "../measure/statistics.ts";
import { repeat } from "../measure/trio.ts";
import { peerOf } from "./peer.ts";
import { lastIsTraced } from "./memory-socket.ts";
import { stackOf } from "./stack.ts";
import type { StackName, Way } from "./stack.ts";

/** What a process of its own is asked: how long a call of a whole client takes. */
export interface StackJob {
  readonly stack: StackName;
  readonly way: Way;
  readonly inMemory: boolean;
}

export interface StackResult {
  /** For a call. */
  readonly microseconds: number;
  /** Whether the last request in memory carried a trace: a contender that traces nothing would be fast. */
  readonly traced: boolean;
}

// Before that many rounds the time of a call still falls, for all that is in it is not compiled yet: of a long-running service that is nothing.
const WARM_UP = 200;
const ROUNDS = 100;
const CALLS = 100;

const { stack, way, inMemory } = JSON.parse(process.argv[2] as string) as StackJob;
const peer = peerOf(way);
const call = await stackOf(stack, way, inMemory);
const rounds: number[] = [];
await inOrder(times(WARM_UP + ROUNDS), async (round) => {
  // An agent's request around each round's calls: what is open collects what happens beneath it.
  await peer.within(async () => {
    const start = process.cpuUsage();
    await repeat(call, CALLS);
    const { user, system } = process.cpuUsage(start);
    if (round >= WARM_UP) rounds.push((user + system) / CALLS);
  });
  await peer.settle();
});
// The machine has slow spells that are longer than a round, and shorter than a process.
process.stdout.write(JSON.stringify({ microseconds: quantile(rounds, 0.25), traced: lastIsTraced() } satisfies StackResult));
process.exit();
