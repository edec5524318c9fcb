import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Call } from "../measure/calls.ts";
import { RESPONSE_BODY, RESPONSE_HEADERS, RESPONSE_STATUS } from "../stub-transports/exchange.ts";

export type ClientName = "undici" | "fetch" | "axios" | "got" | "server";
export const CLIENT_NAMES: readonly ClientName[] = ["undici", "fetch", "axios", "got", "server"];

/** What the client's calls are wrapped with. `none` also if another library patches the client. */
export type Tracing = "none" | "baseline" | "a2a-otel";

interface ClientOptions {
  readonly origin: string;
  /** Whether the connections are in memory, without a network. */
  readonly inMemory: boolean;
}

/** Creates a client, and returns a function that makes one call with it. */
export type ClientFactory = (tracing: Tracing, options: ClientOptions) => Promise<Call> | Call;

/** Each process loads only the client that it measures. */
const FACTORIES: Record<ClientName, () => Promise<ClientFactory>> = {
  undici: async () => (await import("./undici.ts")).createUndiciCall,
  fetch: async () => (await import("./fetch.ts")).createFetchCall,
  axios: async () => (await import("./axios.ts")).createAxiosCall,
  got: async () => (await import("./got.ts")).createGotCall,
  server: async () => (await import("./server.ts")).createServerCall,
};

export async function createClientCall(name: ClientName, tracing: Tracing, inMemory: boolean): Promise<Call> {
  const create = await FACTORIES[name]();
  return create(tracing, { origin: inMemory ? "http://agent.internal:8080" : await startServer(), inMemory });
}

async function startServer(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(RESPONSE_STATUS, RESPONSE_HEADERS).end(RESPONSE_BODY);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const REQUEST_HEADERS: Record<string, string> = { "content-type": "application/json", accept: "application/json" };
