import { endClientSpan, startClientSpan } from "../scenarios/sdk-baseline.ts";
import type { Destination } from "../stub-transports/exchange.ts";
import { REQUEST_HEADERS } from "./whole-client.ts";

/** A call with the bare SDK calls around it. */
export function createBaselineCall(
  origin: string,
  send: (headers: Record<string, string>) => Promise<unknown>,
): () => Promise<unknown> {
  const { hostname, port } = new URL(origin);
  const destination: Destination = { origin, address: hostname, port: Number(port), path: "/rpc", url: `${origin}/rpc` };
  return async () => {
    const headers = { ...REQUEST_HEADERS };
    const span = startClientSpan(destination, headers);
    const result = await send(headers);
    endClientSpan(span);
    return result;
  };
}
