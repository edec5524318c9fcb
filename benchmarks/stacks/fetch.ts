import { instrumentFetch } from "a2a-otel/fetch";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { floorCall } from "./floor.ts";
import { memoryConnector } from "./memory-socket.ts";
import { HEADERS } from "./stack.ts";
import type { StackMaker } from "./stack.ts";

export const fetchStack: StackMaker = async (way, { origin, inMemory }) => {
  if (way === "a2a-otel") instrumentFetch();
  const dispatcher = inMemory ? await memoryDispatcher() : undefined;
  const send = async (headers: Record<string, string>): Promise<unknown> => {
    const init = { method: "POST", headers, body: REQUEST_BODY, ...(dispatcher && { dispatcher }) };
    const response = await fetch(`${origin}/rpc`, init);
    return response.text();
  };
  return way === "floor" ? floorCall(origin, send) : () => send(HEADERS);
};

/** An agent of the undici that Node brings along, which is loaded by the first fetch. */
async function memoryDispatcher(): Promise<object> {
  await fetch("data:,");
  const { constructor } = (globalThis as Record<symbol, unknown>)[Symbol.for("undici.globalDispatcher.1")] as object;
  return new (constructor as new (options: object) => object)({ connect: memoryConnector });
}
