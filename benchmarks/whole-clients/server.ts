import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { context } from "@opentelemetry/api";
import { traceRequests } from "a2a-otel/server/node";
import type { Call } from "../measure/calls.ts";
import { endServerSpan, startServerSpan } from "../scenarios/sdk-baseline.ts";
import { REMOTE_TRACEPARENT } from "../scenarios/telemetry.ts";
import { REQUEST_BODY, RESPONSE_BODY, RESPONSE_HEADERS, RESPONSE_STATUS } from "../stub-transports/exchange.ts";
import type { Tracing } from "./whole-client.ts";

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

/** A `node:http` server with one in-memory connection, over which the requests come one after another. */
export function createServerCall(tracing: Tracing): Call {
  const server = createServer(traceListener(tracing));
  const [client, connection] = duplexPair();
  server.emit("connection", connection);
  client.setEncoding("utf8");
  return () => sendRequest(client);
}

function sendRequest(client: Duplex): Promise<unknown> {
  return new Promise((resolve) => {
    client.once("data", resolve);
    client.write(REQUEST);
  });
}

const listener: RequestListener = (request, response) => {
  request.resume();
  request.on("end", () => response.writeHead(RESPONSE_STATUS, RESPONSE_HEADERS).end(RESPONSE_BODY));
};

function traceListener(tracing: Tracing): RequestListener {
  if (tracing === "a2a-otel") return traceRequests(listener);
  if (tracing === "none") return listener;
  return (request, response) => {
    const { span, serverContext } = startServerSpan(request.url ?? "", request.headers);
    response.once("finish", () => endServerSpan(span));
    return context.with(serverContext, listener, undefined, request, response);
  };
}
