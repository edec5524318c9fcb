import { traceInterceptor } from "a2a-otel/undici";
import { Agent } from "undici";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { floorCall } from "./floor.ts";
import { memoryConnector } from "./memory-socket.ts";
import { HEADERS } from "./stack.ts";
import type { StackMaker } from "./stack.ts";

export const undiciStack: StackMaker = (way, { origin, inMemory }) => {
  const agent = new Agent(inMemory ? { connect: memoryConnector } : {});
  const dispatcher = way === "a2a-otel" ? agent.compose(traceInterceptor()) : agent;
  const send = async (headers: Record<string, string>): Promise<unknown> => {
    const { body } = await dispatcher.request({ origin, path: "/rpc", method: "POST", headers, body: REQUEST_BODY });
    return body.text();
  };
  return way === "floor" ? floorCall(origin, send) : () => send(HEADERS);
};
