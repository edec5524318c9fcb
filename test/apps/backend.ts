import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { decodeTraces } from "../../tools/src/view/otlp/decode.ts";
import type { Span } from "../../tools/src/view/span.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";

/** What an app talks to: an agent, and a collector of OTLP in JSON, both on loopback. */
export interface Backend {
  readonly agent: TestServer;
  /** What an app's environment says of both. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Waits until so many spans have come, of those that count, and a moment longer for those that should not; returns all, oldest first, and
   * forgets them.
   */
  readonly spans: (count: number, counts?: (span: Span) => boolean) => Promise<Span[]>;
  readonly close: () => Promise<void>;
}

const UNCONSUMED_BODY_TIMEOUT_MS = 8_000;
// An exporter sends what ended last at once (SimpleSpanProcessor): a span too many is here within this time.
const AFTERTHOUGHT = 150;

async function startBackend(): Promise<Backend> {
  const agent = await serve(ROUTES);
  let received: Span[] = [];
  const collector = createServer(async (request, response) => {
    try {
      received.push(...decodeTraces(await json(request)));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");

  return {
    agent,
    environment: {
      AGENT_URL: agent.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      OTEL_SERVICE_NAME: "app",
    },
    spans: async (count, counts = () => true) => {
      const deadline = performance.now() + UNCONSUMED_BODY_TIMEOUT_MS;
      while (received.filter(counts).length < count && performance.now() < deadline) await pause(10);
      await pause(AFTERTHOUGHT);
      const spans = received.toSorted((a, b) => Number(a.start - b.start));
      received = [];
      return spans;
    },
    close: async () => {
      collector.close();
      collector.closeAllConnections();
      await agent.close();
    },
  };
}

/** Runs something with a backend of its own. */
export async function withBackend<Result>(use: (backend: Backend) => Promise<Result>): Promise<Result> {
  const backend = await startBackend();
  try {
    return await use(backend);
  } finally {
    await backend.close();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
