import { instrumentFetch } from "a2a-otel/fetch";
import { REQUEST_BODY } from "../stub-transports/exchange.ts";
import { connectInMemory } from "./memory-socket.ts";
import { createBaselineCall } from "./sdk-baseline.ts";
import { REQUEST_HEADERS } from "./whole-client.ts";
import type { ClientFactory } from "./whole-client.ts";

export const createFetchCall: ClientFactory = async (tracing, { origin, inMemory }) => {
  if (tracing === "a2a-otel") instrumentFetch();
  if (inMemory) await useInMemoryConnections();
  const send = async (headers: Record<string, string>): Promise<unknown> => {
    const response = await fetch(`${origin}/rpc`, { method: "POST", headers, body: REQUEST_BODY });
    return response.text();
  };
  return tracing === "baseline" ? createBaselineCall(origin, send) : () => send(REQUEST_HEADERS);
};

const GLOBAL_DISPATCHER = Symbol.for("undici.globalDispatcher.1");

/** Replaces the global dispatcher by an agent of the undici that is built into Node. The first fetch loads that undici. */
async function useInMemoryConnections(): Promise<void> {
  await fetch("data:,");
  const { [GLOBAL_DISPATCHER]: dispatcher } = globalThis as unknown as { [GLOBAL_DISPATCHER]: object };
  const agent = new (dispatcher.constructor as new (options: object) => object)({ connect: connectInMemory });
  Object.defineProperty(globalThis, GLOBAL_DISPATCHER, { value: agent });
}
