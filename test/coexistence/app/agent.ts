// An agent: its server tells what it was sent, and calls the next agent by the client that the query names.
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createExpress } from "./express-server.ts";
import axios from "axios";
import got from "got";
import { Agent, request } from "undici";
import { instrumentAxios } from "a2a-otel/axios";
import { wrapGot } from "a2a-otel/got";
import { traceRequests } from "a2a-otel/server/node";
import { traceInterceptor } from "a2a-otel/undici";
import { flush } from "./flush.ts";

const dispatcher = new Agent().compose(traceInterceptor());
const tracedGot = wrapGot(got);
instrumentAxios(axios);

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

const server =
  process.env["AGENT_SERVER"] === "express"
    ? createExpress(answer)
    : createServer(traceRequests((incoming, response) => void answer(incoming, response)));

server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as { port: number }).port }));

// Told to stop: what is recorded goes out first.
process.on("message", () => void stop());
process.on("disconnect", () => process.exit());

async function stop(): Promise<void> {
  await flush();
  process.send?.({ flushed: true }, () => process.exit());
}
