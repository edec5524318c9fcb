import { rmSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client as McpClient } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Router } from "@koa/router";
import { AgentEvent } from "@a2a-js/sdk/server";
import axios from "axios";
import express from "express";
import { fastify } from "fastify";
import got from "got";
import Koa from "koa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { wrapGot } from "../../src/got.ts";
import { wrapMcpClient, wrapMcpServer } from "../../src/mcp.ts";
import { traceRequests as expressMiddleware } from "../../src/server/express.ts";
import { traceRequests as fastifyPlugin } from "../../src/server/fastify.ts";
import { traceRequests as koaMiddleware } from "../../src/server/koa.ts";
import { traceRequests } from "../../src/server/node.ts";
import { traceRequests as webHandler } from "../../src/server/web.ts";
import { WIRES, completes, connect, drain, request, startAgent } from "../a2a/agents.ts";
import { connectGrpc, startGrpcAgent } from "../a2a/grpc-agents.ts";
import { send } from "../server/client.ts";
import { startMetrics } from "../server/metrics.ts";
import type { TestMetrics } from "../server/metrics.ts";
import { CLIENTS } from "../support/clients.ts";
import { listen } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { conventionOf, violationsOfMetric, violationsOfSpan, violationsOfTraces } from "./validate.ts";

/** Deviations that are deliberate, with the reason. */
const DELIBERATE: readonly RegExp[] = [
  // The option `a2a` asks for it, for applications that do not use wrapA2AClient.
  /^http\.client: SHOULD not have a2a\.method\.name$/,
  // The result of a tool that failed has no message of an error.
  /^mcp\.(?:client|server): SHOULD describe an error$/,
];

const METRICS = [
  "http.client.request.duration",
  "http.server.request.duration",
  "mcp.client.operation.duration",
  "mcp.server.operation.duration",
  "mcp.client.session.duration",
  "mcp.server.session.duration",
];

let telemetry: TestTelemetry;
let metrics: TestMetrics;
beforeEach(() => {
  telemetry = startTelemetry();
  metrics = startMetrics();
});
afterEach(async () => {
  await metrics.provider.shutdown();
  await telemetry.stop();
});

/** Holds everything that was emitted since the last call against the model. Returns the conventions that were followed. */
async function validate(): Promise<string[]> {
  await telemetry.settled();
  const spans = telemetry.own();
  const measured = (await Promise.all(METRICS.map((name) => metrics.read(name)))).flat();
  const violations = [...spans.flatMap(violationsOfSpan), ...violationsOfTraces(spans), ...measured.flatMap(violationsOfMetric)];
  expect(violations.filter((violation) => !DELIBERATE.some((pattern) => pattern.test(violation)))).toEqual([]);
  telemetry.reset();
  return [...new Set(spans.map((span) => String(conventionOf(span))))].toSorted();
}

const answer: RequestListener = (incoming, response) => {
  const { url = "" } = incoming;
  if (url.startsWith("/cut")) {
    response.writeHead(200, { "content-length": 100 }).write("begun");
    setImmediate(() => response.destroy());
  } else if (url.startsWith("/hop")) response.writeHead(302, { location: "/200" }).end();
  else if (url.startsWith("/throw")) throw new RangeError("out of order");
  else response.writeHead(Number(/^\/(\d{3})/.exec(url)?.[1] ?? 200)).end("ok");
};

describe.each(CLIENTS)("the spans and metrics of $name", ({ traced }) => {
  it.each([
    ["a response", "/200?a=1", {}],
    ["a post", "/200", { method: "POST", body: "{}" }],
    ["a method that is not known", "/200", { method: "PURGE" }],
    ["a client's error", "/404", {}],
    ["a server's error", "/503", {}],
    ["a redirect", "/hop", {}],
    ["a response that is cut off", "/cut", {}],
    ["a request of A2A's REST binding", "/agents/message:send", { method: "POST", body: "{}" }],
  ])("follow the conventions for %s", async (_, path, sent) => {
    const server = await listen(answer);
    await traced()(server.url + path, sent).catch(() => {});
    expect(await validate()).toEqual(["http.client"]);
    await traced({ a2a: "headers", urlTemplate: () => "/{path}" })(server.url + path, sent).catch(() => {});
    expect(await validate()).toEqual(["http.client"]);
    await server.close();
  });

  it("follow the conventions for a server that cannot be reached, and for a timeout", async () => {
    const server = await listen(() => {});
    await traced()(server.url, { signal: AbortSignal.timeout(30) }).catch(() => {});
    await server.close();
    await traced()(server.url).catch(() => {});
    expect(await validate()).toEqual(["http.client"]);
  });
});

it.each([
  ["axios", (socketPath: string) => axiosGet(socketPath)],
  ["got", (socketPath: string) => wrapGot(got)(`http://unix:${socketPath}:/200`, { enableUnixSockets: true })],
])("the span of %s has the path of a Unix socket as its peer", async (_, get: (path: string) => PromiseLike<unknown>) => {
  const path = join(tmpdir(), `a2a-otel-${process.pid}-${Date.now()}.sock`);
  const server = createServer(answer).listen(path);
  await new Promise((resolve) => server.once("listening", resolve));
  await get(path);
  await telemetry.settled();
  expect(telemetry.own().map(({ attributes }) => attributes["network.peer.address"])).toEqual([path]);
  await new Promise((resolve) => server.close(resolve));
  rmSync(path, { force: true });
});

function axiosGet(socketPath: string): PromiseLike<unknown> {
  const instance = axios.create();
  instrumentAxios(instance);
  return instance.get("http://localhost/200", { socketPath });
}

function expressApp(): RequestListener {
  const app = express().use(expressMiddleware());
  app.get("/items/:id", (_, response) => void response.send("ok"));
  app.use((incoming, response) => answer(incoming, response));
  return app;
}

function koaApp(): RequestListener {
  const app = new Koa({ proxy: false });
  app.silent = true;
  const router = new Router().get("/items/:id", (ctx) => void (ctx.body = "ok"));
  app.use(koaMiddleware()).use(router.routes());
  app.use((ctx) => {
    if (ctx.path === "/throw") throw new RangeError("out of order");
    ctx.status = Number(/^\/(\d{3})/.exec(ctx.path)?.[1] ?? 404);
    ctx.body = "ok";
  });
  return app.callback();
}

const listener = traceRequests((incoming, response) => {
  try {
    answer(incoming, response);
  } catch {
    response.writeHead(500).end();
  }
});

const PATHS = ["/items/1?a=1", "/404", "/503", "/throw", "/cut", "/agents/message:send"];

describe("the spans and metrics of a server", () => {
  it.each([
    ["node:http", () => listener],
    ["express", expressApp],
    ["Koa", koaApp],
  ])("on %s follow the conventions", async (_, make: () => RequestListener) => {
    const server = await listen(make());
    for (const path of PATHS) await send(server.url + path, { method: path.includes(":") ? "POST" : "GET" }).catch(() => {});
    await send(server.url, { method: "PURGE" });
    expect(await validate()).toEqual(["a2a.http.server", "http.server"]);
    await server.close();
  });

  it("on fastify follow the conventions", async () => {
    const app = fastify();
    await app.register(fastifyPlugin);
    app.get("/items/:id", () => "ok");
    app.get("/throw", () => Promise.reject(new RangeError("out of order")));
    app.post("/agents/message\\:send", () => "ok");
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    for (const path of PATHS) await send(url + path, { method: path.includes(":") ? "POST" : "GET" }).catch(() => {});
    expect(await validate()).toEqual(["a2a.http.server", "http.server"]);
    await app.close();
  });

  it("for web handlers follow the conventions", async () => {
    const handler = webHandler((incoming: Request) => {
      const { pathname } = new URL(incoming.url);
      if (pathname === "/throw") throw new RangeError("out of order");
      return new Response("ok", { status: Number(/^\/(\d{3})/.exec(pathname)?.[1] ?? 200) });
    });
    for (const path of PATHS) {
      try {
        await Promise.resolve(handler(new Request(`http://agent.example${path}`, { method: path.includes(":") ? "POST" : "GET" })));
      } catch {
        // The error of the handler.
      }
    }
    expect(await validate()).toEqual(["a2a.http.server", "http.server"]);
  });
});

describe.each(WIRES)("the spans and metrics of A2A over $binding $version", ({ binding, version }) => {
  it.each([true, false])("follow the conventions (with an HTTP SERVER span: %s)", async (http) => {
    const agent = await startAgent({ binding, version, http });
    const client = await connect(agent);
    await client.sendMessage(request({ contextId: "c-1", referenceTaskIds: ["t-0"] }));
    await drain(client.sendMessageStream(request()));
    await client.getTask({ tenant: "", id: "nowhere" }).catch(() => {});
    await drain(client.resubscribeTask({ tenant: "", id: "nowhere" })).catch(() => {});
    expect(await validate()).toEqual(["a2a.client", http ? "a2a.http.server" : "a2a.server", "http.client"]);
    await agent.close();
    await client.sendMessage(request()).catch(() => {});
    expect(await validate()).toEqual(["a2a.client", "http.client"]);
  });

  it("follow the conventions for a stream that fails, and for a handler that throws", async () => {
    const failing = await startAgent({
      binding,
      version,
      execute: (executing, bus) => {
        completes(executing, bus);
        bus.publish(AgentEvent.task({ id: "another" } as never));
      },
      handler: (handler) => {
        handler.getTask = () => Promise.reject(new RangeError("index 7"));
        return handler;
      },
    });
    const client = await connect(failing);
    await drain(client.sendMessageStream(request())).catch(() => {});
    await client.getTask({ tenant: "", id: "t-1" }).catch(() => {});
    expect(await validate()).toContain("a2a.client");
    await failing.close();
  });
});

it("the spans of A2A over gRPC follow the conventions", async () => {
  const agent = await startGrpcAgent();
  const client = await connectGrpc(agent);
  await client.sendMessage(request());
  await drain(client.sendMessageStream(request()));
  await client.getTask({ tenant: "", id: "nowhere" }).catch(() => {});
  expect(await validate()).toEqual(["a2a.client", "a2a.server"]);
  agent.close();
});

it("the spans and metrics of MCP follow the conventions", async () => {
  const server = wrapMcpServer(new McpServer({ name: "tools", version: "1.0.0" }));
  server.registerTool("hello", {}, () => ({ content: [{ type: "text", text: "hello" }] }));
  server.registerTool("broken", {}, () => {
    throw new RangeError("out of order");
  });
  const client = wrapMcpClient(new McpClient({ name: "agent", version: "1.0.0" }));
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far), client.connect(near)]);
  await client.listTools();
  await client.callTool({ name: "hello" });
  await client.callTool({ name: "broken" }).catch(() => {});
  await client.readResource({ uri: "file:///nowhere" }).catch(() => {});
  await client.close();
  expect(await validate()).toEqual(["mcp.client", "mcp.server"]);
});
