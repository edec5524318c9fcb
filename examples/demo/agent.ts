import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { AgentName, FromAgent, Peers, ToAgent } from "./cast.ts";
import { startTelemetry } from "./telemetry.ts";

/** The ties of an agent to the demo. */
export interface Agent {
  /** The address of another agent. */
  readonly peer: (name: AgentName) => Promise<string>;
  /** Listens on a free port of loopback, and returns the base URL. */
  readonly serve: (server: Server) => Promise<string>;
  /** Waits until all the others listen. */
  readonly introduced: () => Promise<unknown>;
  /** Hands over what came of it all. */
  readonly report: (text: string) => void;
}

/** Makes this process an agent of the demo: with an SDK of its own, and gone when main says so or is gone. */
export function joinDemo(name: AgentName): Agent {
  if (!process.connected) {
    console.error(`${name}: main.ts starts this, and is not there`);
    process.exit(1);
  }
  const flush = startTelemetry(name);
  const { promise: peers, resolve: introduce } = Promise.withResolvers<Peers>();
  let server: Server | undefined;
  const stop = async (): Promise<void> => {
    if (server !== undefined) {
      // Open responses still end, and their spans with them.
      server.close();
      await once(server, "close");
    }
    await flush();
    process.exit(0);
  };
  process.on("message", (message: ToAgent) => {
    if ("peers" in message) introduce(message.peers);
    else void stop();
  });
  process.on("disconnect", () => process.exit(1));

  return {
    peer: async (other) => {
      const url = (await peers)[other];
      if (url === undefined) throw new Error(`${name}: ${other} serves nothing`);
      return url;
    },
    serve: async (created) => {
      server = created.listen(0, "127.0.0.1");
      await once(server, "listening");
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      tell({ url });
      return url;
    },
    introduced: () => {
      tell({ url: "" });
      return peers;
    },
    report: (text) => tell({ report: text }),
  };
}

function tell(message: FromAgent): void {
  // A failure means that main is gone.
  process.send?.(message, undefined, undefined, (error) => {
    if (error !== null) process.exit(1);
  });
}
