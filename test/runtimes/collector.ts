import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { decodeTraces } from "../../tools/src/view/otlp/decode.ts";
import type { Span } from "../../tools/src/view/span.ts";

/** A receiver of OTLP in JSON on loopback. */
export interface Collector {
  readonly url: string;
  /** Asks services for what they have not sent yet, and returns all that has come, oldest first, and forgets it. */
  readonly spansOf: (...services: readonly string[]) => Promise<Span[]>;
  readonly close: () => void;
}

export async function startCollector(): Promise<Collector> {
  let received: Span[] = [];
  const server = createServer(async (request, response) => {
    // A page sends its spans from another origin.
    response.setHeader("access-control-allow-origin", "*").setHeader("access-control-allow-headers", "content-type");
    try {
      if (request.method !== "OPTIONS") received.push(...decodeTraces(await json(request)));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    spansOf: async (...services) => {
      for (const service of services) {
        const response = await fetch(`${service}/flush?collector=${url}`);
        if (!response.ok) throw new Error(`${service}/flush answered ${response.status}: ${await response.text()}`);
      }
      const spans = received.toSorted((a, b) => Number(a.start - b.start));
      received = [];
      return spans;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
