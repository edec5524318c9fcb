import { Agent } from "node:http";
import { instrumentAxios } from "a2a-otel/axios";
import { default as axios } from "axios";
import { REQUEST_BODY } from "../stub-transports/exchange.ts";
import { MemoryAgent } from "./memory-socket.ts";
import { createBaselineCall } from "./sdk-baseline.ts";
import { REQUEST_HEADERS } from "./whole-client.ts";
import type { ClientFactory } from "./whole-client.ts";

export const createAxiosCall: ClientFactory = (tracing, { origin, inMemory }) => {
  const client = axios.create({ httpAgent: inMemory ? new MemoryAgent() : new Agent({ keepAlive: true }), proxy: false });
  if (tracing === "a2a-otel") instrumentAxios(client);
  const send = (headers: Record<string, string>): Promise<unknown> => client.post(`${origin}/rpc`, REQUEST_BODY, { headers });
  return tracing === "baseline" ? createBaselineCall(origin, send) : () => send(REQUEST_HEADERS);
};
