import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { traceRequests as traceExpress } from "../../../src/server/express.ts";
import { traceRequests as traceFastify } from "../../../src/server/fastify.ts";
import { traceRequests as traceKoa } from "../../../src/server/koa.ts";
import { traceRequests as traceNode } from "../../../src/server/node.ts";
import { traceMiddleware, traceRequests as traceWeb } from "../../../src/server/web.ts";
import type { Check, Suite } from "./suite.ts";

/** Builds the server of a framework with the routes that the checks request. */
type Build = () => Promise<RequestListener> | RequestListener;

async function withServer(build: Build, check: (url: string) => Promise<void>): Promise<void> {
  const server: Server = createServer(await build()).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    await check(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const checks: Record<string, Check<Build>> = {
  "responds with text": (build) =>
    withServer(build, async (url) => assert.equal(await (await fetch(`${url}/text`)).text(), "text")),
  "responds with JSON": (build) =>
    withServer(build, async (url) => assert.deepEqual(await (await fetch(`${url}/json`)).json(), { a: 1 })),
  "reads the body of a request": (build) =>
    withServer(build, async (url) =>
      assert.deepEqual(
        await (
          await fetch(`${url}/body`, { method: "POST", body: '{"b":2}', headers: { "content-type": "application/json" } })
        ).json(),
        { b: 2 },
      ),
    ),
  "responds with 404 for an unknown path": (build) =>
    withServer(build, async (url) => assert.equal((await fetch(`${url}/nowhere`)).status, 404)),
  "responds with 500 for a handler that throws": (build) =>
    withServer(build, async (url) => assert.equal((await fetch(`${url}/throws`)).status, 500)),
  "answers HEAD without a body": (build) =>
    withServer(build, async (url) => {
      const response = await fetch(`${url}/text`, { method: "HEAD" });
      assert.deepEqual([response.status, await response.text()], [200, ""]);
    }),
  "passes on parameters of the path": (build) =>
    withServer(build, async (url) => assert.equal(await (await fetch(`${url}/items/7`)).text(), "7")),
  "sends several cookies": (build) =>
    withServer(build, async (url) => assert.deepEqual((await fetch(`${url}/cookies`)).headers.getSetCookie(), ["a=1", "b=2"])),
  "streams a response": (build) =>
    withServer(build, async (url) => assert.equal(await (await fetch(`${url}/stream`)).text(), "one,two")),
};

async function* parts(): AsyncGenerator<string> {
  yield "one,";
  await new Promise(setImmediate);
  yield "two";
}

const COOKIES = ["a=1", "b=2"];

function expressApp(trace: boolean): RequestListener {
  const app = express().set("env", "test");
  if (trace) app.use(traceExpress());
  app.get("/text", (_, response) => void response.send("text"));
  app.get("/json", (_, response) => void response.json({ a: 1 }));
  app.post("/body", express.json(), (request, response) => void response.json(request.body));
  app.get("/throws", () => {
    throw new Error("thrown");
  });
  app.get("/items/:id", (request, response) => void response.send(request.params.id));
  app.get("/cookies", (_, response) => void response.setHeader("set-cookie", COOKIES).end());
  app.get("/stream", async (_, response) => {
    for await (const part of parts()) response.write(part);
    response.end();
  });
  return app as RequestListener;
}

async function fastifyApp(trace: boolean): Promise<RequestListener> {
  const app = fastify();
  if (trace) await app.register(traceFastify);
  app.get("/text", () => "text");
  app.get("/json", () => ({ a: 1 }));
  app.post("/body", (request) => request.body);
  app.get("/throws", () => {
    throw new Error("thrown");
  });
  app.get("/items/:id", (request) => (request.params as { id: string }).id);
  app.get("/cookies", (_, reply) => reply.header("set-cookie", COOKIES).send());
  app.get("/stream", (_, reply) => reply.send(Readable.from(parts())));
  await app.ready();
  return (request, response) => app.routing(request, response);
}

function koaApp(trace: boolean): RequestListener {
  const app = new Koa();
  app.silent = true;
  if (trace) app.use(traceKoa());
  app.use(async (ctx) => {
    if (ctx.path === "/text") ctx.body = "text";
    else if (ctx.path === "/json") ctx.body = { a: 1 };
    else if (ctx.path === "/body") ctx.body = Buffer.concat(await ctx.req.toArray());
    else if (ctx.path === "/throws") throw new Error("thrown");
    else if (ctx.path.startsWith("/items/")) ctx.body = ctx.path.slice(7);
    else if (ctx.path === "/cookies") {
      ctx.set("set-cookie", COOKIES);
      ctx.body = "";
    } else if (ctx.path === "/stream") ctx.body = Readable.from(parts());
  });
  return app.callback();
}

function honoApp(trace: "middleware" | "handler" | undefined): RequestListener {
  const app = new Hono();
  if (trace === "middleware") app.use(traceMiddleware());
  app.get("/text", (c) => c.text("text"));
  app.get("/json", (c) => c.json({ a: 1 }));
  app.post("/body", async (c) => c.json(await c.req.json()));
  app.onError((_, c) => c.text("error", 500));
  app.get("/throws", () => {
    throw new Error("thrown");
  });
  app.get("/items/:id", (c) => c.text(c.req.param("id")));
  app.get("/cookies", () => new Response(null, { headers: COOKIES.map((cookie) => ["set-cookie", cookie] as [string, string]) }));
  app.get("/stream", () => new Response(Readable.toWeb(Readable.from(parts(), { objectMode: false })) as BodyInit));
  return getRequestListener(trace === "handler" ? traceWeb(app.fetch) : app.fetch, {
    overrideGlobalObjects: false,
  });
}

function nodeListener(trace: boolean): RequestListener {
  const listener: RequestListener = async (request, response) => {
    const path = request.url ?? "";
    if (path === "/text") response.end("text");
    else if (path === "/json") response.end('{"a":1}');
    else if (path === "/body") response.end(Buffer.concat(await request.toArray()));
    else if (path === "/throws") response.writeHead(500).end();
    else if (path.startsWith("/items/")) response.end(path.slice(7));
    else if (path === "/cookies") response.setHeader("set-cookie", COOKIES).end();
    else if (path === "/stream") {
      for await (const part of parts()) response.write(part);
      response.end();
    } else response.writeHead(404).end();
  };
  return trace ? traceNode(listener) : listener;
}

export const serverSuites: readonly Suite<Build>[] = [
  {
    name: "node:http server",
    source: "Node.js's documentation",
    plain: () => () => nodeListener(false),
    variants: { "`traceRequests`": () => ({ subject: () => nodeListener(true) }) },
    checks,
  },
  {
    name: "express",
    source: "express's API reference",
    plain: () => () => expressApp(false),
    variants: { "`traceRequests`": () => ({ subject: () => expressApp(true) }) },
    checks,
  },
  {
    name: "fastify",
    source: "fastify's reference",
    plain: () => () => fastifyApp(false),
    variants: { "`traceRequests`": () => ({ subject: () => fastifyApp(true) }) },
    checks,
  },
  {
    name: "koa",
    source: "koa's documentation",
    plain: () => () => koaApp(false),
    variants: { "`traceRequests`": () => ({ subject: () => koaApp(true) }) },
    checks,
  },
  {
    name: "hono",
    source: "hono's documentation",
    plain: () => () => honoApp(undefined),
    variants: {
      "`traceMiddleware`": () => ({ subject: () => honoApp("middleware") }),
      "`traceRequests`": () => ({ subject: () => honoApp("handler") }),
    },
    checks,
  },
];
