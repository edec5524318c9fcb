// The server process: it responds after the delay that the request names and keeps event streams open.
import { createServer } from "node:http";
import type { RequestListener, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { remainingResources } from "../support/active-resources.ts";
import { memory } from "./memory.ts";
import { handleCommands, role } from "./command-handler.ts";
import { startTelemetry } from "./telemetry.ts";

/** The interval between two events of a stream, in milliseconds. */
const PERIOD = 1000;
const ANSWER = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  result: { kind: "message", parts: [{ kind: "text", text: "x".repeat(200) }] },
});

const streams = new Set<ServerResponse>();
const listener: RequestListener = (request, response) => {
  if (request.url === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    streams.add(response);
    response.on("close", () => streams.delete(response));
    return;
  }
  const hold = Number(request.url?.split("/")[2]);
  setTimeout(() => response.writeHead(200, { "content-type": "application/json" }).end(ANSWER), hold);
};
let events = 0;
const timer = setInterval(() => {
  for (const stream of streams) stream.write(`data: {"event":${events}}\n\n`);
  events++;
}, PERIOD);

const telemetry = role.isTraced ? startTelemetry() : undefined;
const traced = role.isTraced ? (await import("a2a-otel/server/node")).traceRequests(listener) : listener;
const server = createServer({ keepAliveTimeout: 60_000 }, traced).listen(0, "127.0.0.1", 4096);
server.on("listening", () => process.send?.({ answer: (server.address() as AddressInfo).port }));

handleCommands({
  memory: async () => memory(),
  close: async () => {
    clearInterval(timer);
    server.close();
    server.closeAllConnections();
    const handles = await remainingResources(5000);
    await telemetry?.flush();
    return { spans: telemetry?.spans(), events, handles };
  },
});
