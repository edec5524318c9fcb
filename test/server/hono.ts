import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";

type Options = Parameters<typeof createAdaptorServer>[0];

export interface HonoServer {
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Serves a handler with the real `@hono/node-server`, on loopback. */
export async function serveWeb(fetch: Options["fetch"], options: Partial<Options> = {}): Promise<HonoServer> {
  const server = createAdaptorServer({ ...options, fetch });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}

/** `ReadableStream.from`, which the types of the DOM do not have yet. */
export function streamFrom(items: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return (ReadableStream as unknown as { from(items: unknown): ReadableStream<Uint8Array<ArrayBuffer>> }).from(items);
}
