import type { Block, ClientName, Closed, Memory } from "./messages.ts";
import { start } from "./order.ts";
import type { Obedient } from "./order.ts";

export interface Load {
  /** With this library; without it so many that each block has a twin of `twin` times its size. */
  readonly calls: number;
  readonly block: number;
  readonly twin: number;
  readonly inFlight: number;
  readonly streams: number;
  /** How long the server takes for an answer, in milliseconds: it sets the pace. */
  readonly hold: number;
}

/** One side, with this library or without. */
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
  /** Blocks that followed each other, so that what the machine does besides is alike. */
  readonly blocks: readonly { readonly traced: Block; readonly plain: Block }[];
  readonly seconds: number;
}

/** Runs a client with this library and without it, in processes of their own that take turns, each with a server of its own. */
export async function soak(client: ClientName, load: Load, progress: (text: string) => void): Promise<Pair> {
  const begun = performance.now();
  const traced = await open(client, true, load);
  const plain = await open(client, false, load);
  const blocks: { traced: Block; plain: Block }[] = [];
  for (let made = 0; made < load.calls; made += load.block) {
    const calls = Math.min(load.block, load.calls - made);
    const twin = Math.max(load.inFlight, Math.round(calls * load.twin));
    // In turns, for whoever comes second finds other caches.
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

/** So many calls for each that may be in flight warm a side up, before its memory is looked at. */
const WARM_UP = 8;

async function open(client: ClientName, isTraced: boolean, { streams, inFlight, hold }: Load): Promise<OpenSide> {
  const server = await start("server-process.ts", { client: undefined, isTraced });
  const caller = await start("client-process.ts", { client, isTraced });
  const url = `http://127.0.0.1:${server.ready}`;
  let made = 0;
  const run = (calls: number): Promise<Block> => {
    made += calls;
    return caller.order<"call">({ order: "call", url, calls, inFlight, hold });
  };
  if (streams > 0) await caller.order<"open">({ order: "open", url, streams });
  await run(inFlight * WARM_UP);
  const before = await memoryOf(caller, server);
  return {
    run,
    close: async () => {
      const after = await memoryOf(caller, server);
      const closed = await caller.order<"close">({ order: "close" });
      const served = await server.order<"close">({ order: "close" });
      caller.stop();
      server.stop();
      return { calls: made, before, after, client: closed, server: served };
    },
  };
}

async function memoryOf(client: Obedient, server: Obedient): Promise<Side["before"]> {
  return { client: await client.order<"memory">({ order: "memory" }), server: await server.order<"memory">({ order: "memory" }) };
}
