import { traceInterceptor } from "a2a-otel/undici";
import { Agent } from "undici";
import { REQUEST_BODY } from "../stub-transports/exchange.ts";
import { connectInMemory } from "./memory-socket.ts";
import { createBaselineCall } from "./sdk-baseline.ts";
import { REQUEST_HEADERS } from "./whole-client.ts";
import type { ClientFactory } from "./whole-client.ts";

export const createUndiciCall: ClientFactory = (tracing, { origin, inMemory }) => {
  const agent = new Agent(inMemory ? { connect: connectInMemory } : {});
  const dispatcher = tracing === "a2a-otel" ? agent.compose(traceInterceptor()) : agent;
  const send = async (headers: Record<string, string>): Promise<unknown> => {
    const { body } = await dispatcher.request({ origin, path: "/rpc", method: "POST", headers, body: REQUEST_BODY });
    return body.text();
  };
  return tracing === "baseline" ? createBaselineCall(origin, send) : () => send(REQUEST_HEADERS);
};
