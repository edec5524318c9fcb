import { createServer } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { use } from "./uses.mjs";

// The A2A SDK asks for an express that is newer than the oldest that is admitted.
const { default: express } = await import("express-oldest").catch(() => import("express"));

const closers = [];

/** Has a server listen on loopback until the end, and returns its address. */
export async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${server.address().port}`;
}

export async function closeAll() {
  for (const close of closers) await close();
}

/** Agents that answer with their name and with what the next one says. */
export const AGENTS = {
  async node(next) {
    const { traceRequests } = await use("./server/node");
    return listen(createServer(traceRequests(async (_, response) => response.end(`node, ${await next()}`))));
  },

  async express(next) {
    const { traceRequests } = await use("./server/express");
    const app = express();
    app.use(traceRequests());
    app.get("/agents/:name", async ({ params }, response) => response.send(`${params.name}, ${await next()}`));
    return `${await listen(createServer(app))}/agents/express`;
  },

  async fastify(next) {
    const { traceRequests } = await use("./server/fastify");
    const app = fastify();
    await app.register(traceRequests);
    app.get("/agents/:name", async ({ params }) => `${params.name}, ${await next()}`);
    closers.push(() => app.close());
    return `${await app.listen({ port: 0, host: "127.0.0.1" })}/agents/fastify`;
  },

  async koa(next) {
    const { traceRequests } = await use("./server/koa");
    const app = new Koa();
    app.use(traceRequests());
    app.use(async (ctx) => (ctx.body = `koa, ${await next()}`));
    return listen(createServer(app.callback()));
  },

  async hono(next) {
    const { traceMiddleware } = await use("./server/web");
    const app = new Hono();
    app.use("*", traceMiddleware());
    app.get("/agents/:name", async (c) => c.text(`${c.req.param("name")}, ${await next()}`));
    return `${await listenWeb(app.fetch)}/agents/hono`;
  },

  async web(next) {
    const { traceRequests } = await use("./server/web");
    return listenWeb(traceRequests(async () => new Response(`web, ${await next()}`)));
  },
};

const listenWeb = (fetch) => listen(createAdaptorServer({ fetch }));
