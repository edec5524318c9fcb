import { Agent } from "node:http";
import { wrapGot } from "a2a-otel/got";
import { default as got } from "got";
import { REQUEST_BODY } from "../stub-transports/exchange.ts";
import { MemoryAgent } from "./memory-socket.ts";
import { createBaselineCall } from "./sdk-baseline.ts";
import { REQUEST_HEADERS } from "./whole-client.ts";
import type { ClientFactory } from "./whole-client.ts";

export const createGotCall: ClientFactory = (tracing, { origin, inMemory }) => {
  const agent = { http: inMemory ? new MemoryAgent() : new Agent({ keepAlive: true }) };
  const untraced = got.extend({ agent, retry: { limit: 0 } });
  const client = tracing === "a2a-otel" ? wrapGot(untraced) : untraced;
  const send = (headers: Record<string, string>): Promise<unknown> =>
    client.post(`${origin}/rpc`, { headers, body: REQUEST_BODY }).then((response) => response);
  return tracing === "baseline" ? createBaselineCall(origin, send) : () => send(REQUEST_HEADERS);
};
