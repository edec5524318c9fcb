// A client: so many calls in flight, so many event streams open.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { makeClient } from "./clients.ts";
import { handles } from "../support/handles.ts";
import { memory } from "./memory.ts";
import type { Block, ClientName, Order } from "./messages.ts";
import { obey, role } from "./obey.ts";
import { startTelemetry } from "./telemetry.ts";

/** How often the event loop's delay is looked at, in milliseconds. */
const RESOLUTION = 5;

const telemetry = role.isTraced ? startTelemetry() : undefined;
const client = await makeClient(role.client as ClientName, role.isTraced);
const ending = new AbortController();
const following: Promise<unknown>[] = [];
let events = 0;

async function open({ url, streams }: Extract<Order, { order: "open" }>): Promise<number> {
  const alive = Array.from({ length: streams }, () => {
    const first = Promise.withResolvers<void>();
    const onEvent = (): void => {
      events++;
      first.resolve();
    };
    const stream = client.follow(`${url}/events`, ending.signal, onEvent);
    following.push(stream.catch((error: unknown) => (ending.signal.aborted ? undefined : first.reject(error as Error))));
    return first.promise;
  });
  await Promise.all(alive);
  return streams;
}

async function call({ url, calls, inFlight, hold }: Extract<Order, { order: "call" }>): Promise<Block> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  const before = process.cpuUsage();
  const begun = performance.now();
  delay.enable();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next++ < calls) {
      const answer = await client.call(`${url}/held/${hold}`);
      if (!answer.startsWith('{"jsonrpc"')) throw new Error(`an answer that is none: ${answer.slice(0, 100)}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  delay.disable();
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(before);
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
  return {
    seconds,
    callsASecond: calls / seconds,
    cpu: (user + system) / calls,
    delay: { mean: late(delay.mean), p99: late(delay.percentile(99)), max: late(delay.max) },
  };
}

obey({
  open,
  call,
  memory: async () => memory(),
  close: async () => {
    ending.abort();
    await Promise.all(following);
    await client.close();
    const left = await handles(5000);
    await telemetry?.flush();
    return { spans: telemetry?.spans(), events, handles: left };
  },
});
process.send?.({ answer: 0 });
