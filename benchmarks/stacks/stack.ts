import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import type { Call } from "../measure/trio.ts";
import { RESPONSE_BODY, RESPONSE_HEADERS, RESPONSE_STATUS } from "../transports/exchange.ts";

export type StackName = "undici" | "fetch" | "axios" | "got" | "server";
export const STACKS: readonly StackName[] = ["undici", "fetch", "axios", "got", "server"];

/** What the calls of a client are traced by; `plain` also where something else patches it. */
export type Way = "plain" | "floor" | "a2a-otel";

/** Where the calls go: a connection in memory, or a server on loopback. */
interface Destination {
  readonly origin: string;
  readonly inMemory: boolean;
}

/** Makes the call of a whole client. */
export type StackMaker = (way: Way, destination: Destination) => Promise<Call> | Call;

const MAKERS: Record<StackName, () => Promise<StackMaker>> = {
  undici: async () => (await import("./undici.ts")).undiciStack,
  fetch: async () => (await import("./fetch.ts")).fetchStack,
  axios: async () => (await import("./axios.ts")).axiosStack,
  got: async () => (await import("./got.ts")).gotStack,
  server: async () => (await import("./server.ts")).serverStack,
};

export async function stackOf(name: StackName, way: Way, inMemory: boolean): Promise<Call> {
  const make = await MAKERS[name]();
  return make(way, { origin: inMemory ? "http://agent.internal:8080" : await serve(), inMemory });
}

async function serve(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(RESPONSE_STATUS, RESPONSE_HEADERS).end(RESPONSE_BODY);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const HEADERS: Record<string, string> = { "content-type": "application/json", accept: "application/json" };
