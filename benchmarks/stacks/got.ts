import { Agent } from "node:http";
import { wrapGot } from "a2a-otel/got";
import { default as got } from "got";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { floorCall } from "./floor.ts";
import { MemoryAgent } from "./memory-socket.ts";
import { HEADERS } from "./stack.ts";
import type { StackMaker } from "./stack.ts";

export const gotStack: StackMaker = (way, { origin, inMemory }) => {
  const plain = got.extend({ agent: { http: inMemory ? new MemoryAgent() : new Agent({ keepAlive: true }) }, retry: { limit: 0 } });
  const client = way === "a2a-otel" ? wrapGot(plain) : plain;
  const send = (headers: Record<string, string>): Promise<unknown> =>
    client.post(`${origin}/rpc`, { headers, body: REQUEST_BODY }).then((response) => response);
  return way === "floor" ? floorCall(origin, send) : () => send(HEADERS);
};
