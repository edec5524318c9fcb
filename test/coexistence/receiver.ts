import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { gunzipSync } from "node:zlib";
import { fromDatadog } from "./datadog.ts";
import { fromOtlp } from "./otlp.ts";
import { fromSentry } from "./sentry.ts";
import type { SeenSpan } from "./span.ts";

/** A loopback server in the place of all backends: it takes what they take, and keeps the spans. */
export interface Receiver {
  readonly origin: string;
  readonly spans: SeenSpan[];
  /** What came and was not understood: a reason to fail. */
  readonly strange: string[];
  close(): void;
}

export async function startReceiver(decodeMsgpack: (bytes: Uint8Array) => unknown): Promise<Receiver> {
  const spans: SeenSpan[] = [];
  const strange: string[] = [];

  const take = (path: string, body: Buffer): void => {
    if (path.endsWith("/v1/traces")) spans.push(...fromOtlp(JSON.parse(body.toString())));
    else if (path.startsWith("/api/1/envelope/")) spans.push(...fromSentry(body.toString()));
    else if (/^\/v0\.[45]\/traces$/.test(path) && body.length > 1) spans.push(...fromDatadog(decodeMsgpack(body) as never));
  };

  const server: Server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const body = await bodyOf(request);
      const path = new URL(request.url ?? "/", "http://receiver").pathname;
      try {
        take(path, body);
      } catch (error) {
        strange.push(`${path}: ${String(error)}`);
      }
      response.setHeader("content-type", "application/json").end(path === "/info" ? INFO : "{}");
    };
    void answer();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return { origin: `http://127.0.0.1:${port}`, spans, strange, close: () => server.close().closeAllConnections() };
}

// What a Datadog agent says of itself.
const INFO = JSON.stringify({ endpoints: ["/v0.4/traces", "/v0.5/traces"] });

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
}
