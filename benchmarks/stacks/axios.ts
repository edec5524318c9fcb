import { Agent } from "node:http";
import { instrumentAxios } from "a2a-otel/axios";
import { default as axios } from "axios";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { floorCall } from "./floor.ts";
import { MemoryAgent } from "./memory-socket.ts";
import { HEADERS } from "./stack.ts";
import type { StackMaker } from "./stack.ts";

export const axiosStack: StackMaker = (way, { origin, inMemory }) => {
  const client = axios.create({ httpAgent: inMemory ? new MemoryAgent() : new Agent({ keepAlive: true }), proxy: false });
  if (way === "a2a-otel") instrumentAxios(client);
  const send = (headers: Record<string, string>): Promise<unknown> => client.post(`${origin}/rpc`, REQUEST_BODY, { headers });
  return way === "floor" ? floorCall(origin, send) : () => send(HEADERS);
};
