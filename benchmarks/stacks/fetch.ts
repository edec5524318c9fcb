import { instrumentFetch } from "a2a-otel/fetch";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { floorCall } from "./floor.ts";
import { memoryConnector } from "./memory-socket.ts";
import { HEADERS } from "./stack.ts";
import type { StackMaker } from "./stack.ts";

export const fetchStack: StackMaker = async (way, { origin, inMemory }) => {
  if (way === "a2a-otel") instrumentFetch();
  if (inMemory) await connectInMemory();
  const send = async (headers: Record<string, string>): Promise<unknown> => {
    const response = await fetch(`${origin}/rpc`, { method: "POST", headers, body: REQUEST_BODY });
    return response.text();
  };
  return way === "floor" ? floorCall(origin, send) : () => send(HEADERS);
};

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");

/** Puts an agent of the undici that Node brings along, which is loaded by the first fetch, in the place of the global one. */
async function connectInMemory(): Promise<void> {
  await fetch("data:,");
  const { [DISPATCHER]: usual } = globalThis as unknown as { [DISPATCHER]: object };
  const agent = new (usual.constructor as new (options: object) => object)({ connect: memoryConnector });
  Object.defineProperty(globalThis, DISPATCHER, { value: agent });
}
