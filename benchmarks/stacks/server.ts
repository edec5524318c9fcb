import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { context } from "@opentelemetry/api";
import { traceRequests } from "a2a-otel/server/node";
import { endServerFloor, startServerFloor } from "../rows/floor.ts";
import { REMOTE_TRACEPARENT } from "../rows/telemetry.ts";
import { REQUEST_BODY, RESPONSE_BODY, RESPONSE_HEADERS, RESPONSE_STATUS } from "../transports/exchange.ts";
import type { Call } from "../measure/trio.ts";
import type { Way } from "./stack.ts";

const REQUEST = [
  "POST /rpc HTTP/1.1",
  "host: agent.internal:8080",
  "user-agent: agent/1.0",
  "content-type: application/json",
  `traceparent: ${REMOTE_TRACEPARENT}`,
  `content-length: ${REQUEST_BODY.length}`,
  "",
  REQUEST_BODY,
].join("\r\n");

/** A server of node:http that is handed a connection in memory, on which one request follows another. */
export function serverStack(way: Way): Call {
  const server = createServer(traced(way));
  const [client, connection] = duplexPair();
  server.emit("connection", connection);
  client.setEncoding("utf8");
  return () => exchange(client);
}

function exchange(client: Duplex): Promise<unknown> {
  return new Promise((resolve) => {
    client.once("data", resolve);
    client.write(REQUEST);
  });
}

const listener: RequestListener = (request, response) => {
  request.resume();
  request.on("end", () => response.writeHead(RESPONSE_STATUS, RESPONSE_HEADERS).end(RESPONSE_BODY));
};

function traced(way: Way): RequestListener {
  if (way === "a2a-otel") return traceRequests(listener);
  if (way === "plain") return listener;
  return (request, response) => {
    const { span, serverContext } = startServerFloor(request.url ?? "", request.headers);
    response.once("finish", () => endServerFloor(span));
    return context.with(serverContext, listener, undefined, request, response);
  };
}
