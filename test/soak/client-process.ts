// The client process: it keeps a number of calls in flight and a number of event streams open.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { makeClient } from "./clients.ts";
import { remainingResources } from "../support/active-resources.ts";
import { memory } from "./memory.ts";
import type { Block, ClientName, Command } from "./messages.ts";
import { handleCommands, role } from "./command-handler.ts";
import { startTelemetry } from "./telemetry.ts";

/** Sampling interval of the event loop's delay, in milliseconds. */
const RESOLUTION = 5;

const telemetry = role.isTraced ? startTelemetry() : undefined;
const client = await makeClient(role.client as ClientName, role.isTraced);
const ending = new AbortController();
const following: Promise<unknown>[] = [];
let events = 0;

async function open({ url, streams }: Extract<Command, { command: "open" }>): Promise<number> {
  const firstEvents = Array.from({ length: streams }, () => {
    const first = Promise.withResolvers<void>();
    const onEvent = (): void => {
      events++;
      first.resolve();
    };
    const stream = client.follow(`${url}/events`, ending.signal, onEvent);
    following.push(stream.catch((error: unknown) => (ending.signal.aborted ? undefined : first.reject(error as Error))));
    return first.promise;
  });
  await Promise.all(firstEvents);
  return streams;
}

async function call({ url, calls, inFlight, hold }: Extract<Command, { command: "call" }>): Promise<Block> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  const before = process.cpuUsage();
  const begun = performance.now();
  delay.enable();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next++ < calls) {
      const answer = await client.call(`${url}/held/${hold}`);
      if (!answer.startsWith('{"jsonrpc"')) throw new Error(`unexpected response: ${answer.slice(0, 100)}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  delay.disable();
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(before);
  const excess = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
  return {
    seconds,
    callsASecond: calls / seconds,
    cpu: (user + system) / calls,
    delay: { mean: excess(delay.mean), p99: excess(delay.percentile(99)), max: excess(delay.max) },
  };
}

handleCommands({
  open,
  call,
  memory: async () => memory(),
  close: async () => {
    ending.abort();
    await Promise.all(following);
    await client.close();
    const handles = await remainingResources(5000);
    await telemetry?.flush();
    return { spans: telemetry?.spans(), events, handles };
  },
});
process.send?.({ answer: 0 });
