// An agent: its server tells what it was sent, and calls the next agent by the client that the query names.
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import axios from "axios";
import got from "got";
import { Agent, request } from "undici";
import { instrumentAxios } from "a2a-otel/axios";
import { wrapGot } from "a2a-otel/got";
import { traceRequests as traceMiddleware } from "a2a-otel/server/express";
import { traceRequests } from "a2a-otel/server/node";
import { traceInterceptor } from "a2a-otel/undici";
import { expressListener } from "./express-listener.ts";
import { flush } from "./flush.ts";
import { options } from "./options.ts";

const dispatcher = new Agent().compose(traceInterceptor(options));
const tracedGot = wrapGot(got, options);
instrumentAxios(axios, options);

const clients: Record<string, (url: string) => Promise<unknown>> = {
  fetch: async (url) => (await fetch(url)).json(),
  undici: async (url) => (await request(url, { dispatcher })).body.json(),
  axios: async (url) => (await axios.get(url)).data as unknown,
  got: (url) => tracedGot(url).json(),
};

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { searchParams } = new URL(incoming.url ?? "/", "http://agent");
  const next = searchParams.get("next");
  const client = searchParams.get("client");
  const sent = next === null || client === null ? incoming.rawHeaders : await clients[client]?.(next);
  response.setHeader("content-type", "application/json").end(JSON.stringify(sent));
}

const servers: Record<string, () => Server> = {
  node: () => createServer(traceRequests((incoming, response) => void answer(incoming, response), options)),
  express: () => createServer(expressListener(answer, traceMiddleware(options))),
  wrapped: () => createServer(traceRequests(expressListener(answer), options)),
};
const server = servers[process.env["AGENT_SERVER"] ?? "node"]?.() as Server;

server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as { port: number }).port }));

// The parent process asks the agent to stop. It exports the recorded spans first.
process.on("message", () => void stop());
process.on("disconnect", () => process.exit());

async function stop(): Promise<void> {
  await flush();
  process.send?.({ flushed: true }, () => process.exit());
}
