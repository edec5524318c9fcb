import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { AgentName, FromAgent, Peers, ToAgent } from "./protocol.ts";
import { startTelemetry } from "./telemetry.ts";

/** The connection of an agent to the demo's main process. */
export interface Agent {
  /** Resolves to the base URL of another agent. */
  readonly urlOf: (name: AgentName) => Promise<string>;
  /** Listens on a free port of loopback and resolves to the base URL. */
  readonly listen: (server: Server) => Promise<string>;
  /** Resolves when all agents listen. For an agent that serves nothing itself. */
  readonly waitForPeers: () => Promise<unknown>;
  /** Sends the result of the demo to the main process. */
  readonly report: (text: string) => void;
}

/**
 * Makes this process an agent of the demo: it starts an OpenTelemetry SDK, and exits when the main process requests it or is gone.
 */
export function connectToDemo(name: AgentName): Agent {
  if (!process.connected) {
    console.error(`${name}: run main.ts, which starts this agent`);
    process.exit(1);
  }
  const flush = startTelemetry(name);
  const { promise: peers, resolve: resolvePeers } = Promise.withResolvers<Peers>();
  let server: Server | undefined;
  const stop = async (): Promise<void> => {
    if (server !== undefined) {
      // Open responses are completed first, so that their spans end.
      server.close();
      await once(server, "close");
    }
    await flush();
    process.exit(0);
  };
  process.on("message", (message: ToAgent) => {
    if ("peers" in message) resolvePeers(message.peers);
    else void stop();
  });
  process.on("disconnect", () => process.exit(1));

  return {
    urlOf: async (other) => {
      const url = (await peers)[other];
      if (url === undefined) throw new Error(`${name}: ${other} has no URL`);
      return url;
    },
    listen: async (created) => {
      server = created.listen(0, "127.0.0.1");
      await once(server, "listening");
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      send({ url });
      return url;
    },
    waitForPeers: () => {
      send({ url: "" });
      return peers;
    },
    report: (text) => send({ report: text }),
  };
}

function send(message: FromAgent): void {
  // An error means that the main process is gone.
  process.send?.(message, undefined, undefined, (error) => {
    if (error !== null) process.exit(1);
  });
}
