import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { traceRequests } from "a2a-otel/server/node";
import { makeClients, startSdk, report } from "./kit.ts";

// A server that receives SIGTERM while it handles a request and waits for another server.

const { SERVER: next, MODE: mode } = process.env;
const provider = startSdk();
const { fetch: client } = makeClients(true);
process.on("exit", (code) => report("exit", code));

const server = createServer(
  traceRequests(async (_, response) => {
    report("handling");
    try {
      response.end(String(await client!.whole(`${next}/slow`)));
    } catch {
      response.destroy();
    }
  }),
).listen(0, "127.0.0.1", () => report("port", (server.address() as AddressInfo).port));

process.on("SIGTERM", () => {
  // Node emits the server's "close" before the "close" of responses that were cut off.
  server.close(() => setTimeout(() => void provider.shutdown(), 20));
  if (mode === "at once") server.closeAllConnections();
  else server.closeIdleConnections();
});
