import cluster from "node:cluster";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { traceRequests } from "a2a-otel/server/node";
import { makeClients, startSdk, report } from "./kit.ts";

// A cluster of two workers, each of which asks another server for what it answers.

const { SERVER: next } = process.env;

if (cluster.isPrimary) {
  let listening = 0;
  cluster.setupPrimary({ exec: fileURLToPath(import.meta.url), execArgv: [] });
  for (let i = 0; i < 2; i++) cluster.fork();
  cluster.on("listening", (_, { port }) => ++listening === 2 && report("port", port));
  cluster.on("exit", ({ process: { pid } }, code, signal) => report("worker", { pid, code, signal }));
  process.on("SIGTERM", () => cluster.disconnect());
} else {
  const provider = startSdk();
  const { fetch: client } = makeClients(true);
  const listener = traceRequests(async (_, response) => {
    response.end(`${process.pid} ${await client!.whole(`${next}/ok?${process.pid}`)}`);
  });
  createServer(listener).listen(0, "127.0.0.1");
  process.once("disconnect", () => void provider.shutdown());
}
