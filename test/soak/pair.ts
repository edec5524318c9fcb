import type { Block, ClientName, Closed, Memory } from "./messages.ts";
import { startWorker } from "./worker.ts";
import type { Worker } from "./worker.ts";

export interface Load {
  /** The number of calls with this library. Each block is paired with a block without it that has `twin` times as many calls. */
  readonly calls: number;
  readonly block: number;
  readonly twin: number;
  readonly inFlight: number;
  readonly streams: number;
  /** How long the server waits before it responds, in milliseconds. It sets the pace. */
  readonly hold: number;
}

/** The measurements of one side: with this library or without it. */
export interface Side {
  readonly calls: number;
  readonly before: { readonly client: Memory; readonly server: Memory };
  readonly after: { readonly client: Memory; readonly server: Memory };
  readonly client: Closed;
  readonly server: Closed;
}

export interface Pair {
  readonly client: ClientName;
  readonly load: Load;
  readonly traced: Side;
  readonly plain: Side;
  /** Each pair of blocks ran one right after the other, so that both saw a similar load of the machine. */
  readonly blocks: readonly { readonly traced: Block; readonly plain: Block }[];
  readonly seconds: number;
}

/** Runs a client with this library and without it, alternating between two client processes, each with its own server process. */
export async function soak(client: ClientName, load: Load, progress: (text: string) => void): Promise<Pair> {
  const begun = performance.now();
  const traced = await open(client, true, load);
  const plain = await open(client, false, load);
  const blocks: { traced: Block; plain: Block }[] = [];
  for (let made = 0; made < load.calls; made += load.block) {
    const calls = Math.min(load.block, load.calls - made);
    const twin = Math.max(load.inFlight, Math.round(calls * load.twin));
    // The order alternates because the second block of a pair finds warmer caches.
    const plainFirst = blocks.length % 2 === 0 ? await plain.run(twin) : undefined;
    const block = await traced.run(calls);
    blocks.push({ traced: block, plain: plainFirst ?? (await plain.run(twin)) });
    progress(`${client}: ${made + calls} of ${load.calls} calls, ${block.callsASecond.toFixed()} a second`);
  }
  return {
    client,
    load,
    traced: await traced.close(),
    plain: await plain.close(),
    blocks,
    seconds: (performance.now() - begun) / 1000,
  };
}

interface OpenSide {
  readonly run: (calls: number) => Promise<Block>;
  readonly close: () => Promise<Side>;
}

/** Warm-up calls per call in flight, made before memory is first measured. */
const WARM_UP = 8;

async function open(client: ClientName, isTraced: boolean, { streams, inFlight, hold }: Load): Promise<OpenSide> {
  const server = await startWorker("server-process.ts", { client: undefined, isTraced });
  const caller = await startWorker("client-process.ts", { client, isTraced });
  const url = `http://127.0.0.1:${server.ready}`;
  let made = 0;
  const run = (calls: number): Promise<Block> => {
    made += calls;
    return caller.command<"call">({ command: "call", url, calls, inFlight, hold });
  };
  if (streams > 0) await caller.command<"open">({ command: "open", url, streams });
  await run(inFlight * WARM_UP);
  const before = await memoryOf(caller, server);
  return {
    run,
    close: async () => {
      const after = await memoryOf(caller, server);
      const closed = await caller.command<"close">({ command: "close" });
      const served = await server.command<"close">({ command: "close" });
      caller.stop();
      server.stop();
      return { calls: made, before, after, client: closed, server: served };
    },
  };
}

async function memoryOf(client: Worker, server: Worker): Promise<Side["before"]> {
  return {
    client: await client.command<"memory">({ command: "memory" }),
    server: await server.command<"memory">({ command: "memory" }),
  };
}
