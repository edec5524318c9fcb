// The entry of the child processes that measure whole clients.
import { repeatCall } from "../measure/calls.ts";
import { quantile } from "../measure/statistics.ts";
import { activeInstrumentation } from "./instrumentation.ts";
import { lastRequestIsTraced } from "./memory-socket.ts";
import { createClientCall } from "./whole-client.ts";
import type { ClientName, Tracing } from "./whole-client.ts";

export interface ClientJob {
  readonly client: ClientName;
  readonly tracing: Tracing;
  readonly inMemory: boolean;
}

export interface ClientResult {
  /** CPU time per call. */
  readonly microseconds: number;
  /** Whether the last request over an in-memory socket carried trace context: a contender that traces nothing would be fast. */
  readonly traced: boolean;
}

/** So many rounds pass until V8 has compiled all the code of a whole client. */
const WARM_UP_ROUNDS = 200;
const ROUNDS = 100;
const CALLS_PER_ROUND = 100;

const { client, tracing, inMemory } = JSON.parse(process.argv[2] as string) as ClientJob;
const instrumentation = activeInstrumentation(tracing);
const call = await createClientCall(client, tracing, inMemory);
const times: number[] = [];
for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
  // Each round runs inside the span of an agent's request, because some instrumentations collect child spans there.
  await instrumentation.runInRequestSpan(async () => {
    const start = process.cpuUsage();
    await repeatCall(call, CALLS_PER_ROUND);
    const { user, system } = process.cpuUsage(start);
    if (round >= WARM_UP_ROUNDS) times.push((user + system) / CALLS_PER_ROUND);
  });
  await instrumentation.flush();
}
// The lower quartile, because slow phases of the machine last longer than a round.
const result: ClientResult = { microseconds: quantile(times, 0.25), traced: lastRequestIsTraced() };
process.stdout.write(JSON.stringify(result));
process.exit();
