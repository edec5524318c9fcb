import type { Span } from "@opentelemetry/api";
import { endClientFloor, startClientFloor } from "../rows/floor.ts";
import { HEADERS } from "./stack.ts";

/** A call with the bare SDK calls around it. */
export function floorCall(origin: string, send: (headers: Record<string, string>) => Promise<unknown>): () => Promise<unknown> {
  const { hostname, port } = new URL(origin);
  const url = `${origin}/rpc`;
  return async () => {
    const headers = { ...HEADERS };
    const span: Span = startClientFloor(url, hostname, Number(port), headers);
    const result = await send(headers);
    endClientFloor(span);
    return result;
  };
}
