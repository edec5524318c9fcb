import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { trace } from "@opentelemetry/api";
import express from "express";
import fastify from "fastify";
import Koa from "koa";
import pino from "pino";
import type { Logger } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import winston from "winston";
import { traceRequests as expressRequests } from "../../src/server/express.ts";
import { traceRequests as fastifyRequests } from "../../src/server/fastify.ts";
import { traceRequests as koaRequests } from "../../src/server/koa.ts";
import { traceRequests } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { TRACEPARENT, TRACE_ID, send } from "./client.ts";

// What docs/logs.md says.

interface Line {
  readonly msg: string;
  readonly trace_id?: string;
  readonly span_id?: string;
}

let telemetry: TestTelemetry;
let lines: Line[];
beforeEach(() => {
  telemetry = startTelemetry();
  lines = [];
});
afterEach(() => telemetry.stop());

/** Receives what a logger writes. */
const output = (): Writable =>
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      const written = chunk.toString().trim().split("\n");
      lines.push(
        ...written
          .map((line) => JSON.parse(line) as Line & { message?: string })
          .map(({ message, ...line }) => ({ ...line, msg: line.msg ?? message })),
      );
      done();
    },
  });

function traceFields(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}

const traceFormat = winston.format((info) => Object.assign(info, traceFields()));
const pinoLogger = (): Logger => pino({ mixin: traceFields }, output());
const winstonLogger = (): winston.Logger =>
  winston.createLogger({
    format: winston.format.combine(traceFormat(), winston.format.json()),
    transports: [new winston.transports.Stream({ stream: output() })],
  });

interface Logging {
  info(message: string): unknown;
}

/** Logs as handlers do: at once, after waiting, and when the response has been sent. */
async function work(log: Logging, response: { on(event: "finish", listener: () => void): unknown }): Promise<string> {
  log.info("at once");
  response.on("finish", () => log.info("sent"));
  await sleep(1);
  log.info("later");
  return "ok";
}

const SERVERS: [string, (log: Logging) => Promise<{ url: string; close: () => Promise<unknown> }>][] = [
  ["node:http", (log) => listen(traceRequests((_, response) => void work(log, response).then((text) => response.end(text))))],
  [
    "express",
    (log) =>
      listen(
        express()
          .use(expressRequests())
          .get("/", (_, response) => void work(log, response).then((text) => response.send(text))) as never,
      ),
  ],
  [
    "Koa",
    (log) =>
      listen(
        new Koa()
          .use(koaRequests())
          .use(async (ctx) => void (ctx.body = await work(log, ctx.res)))
          .callback(),
      ),
  ],
  [
    "fastify",
    async (log) => {
      const app = fastify();
      app.register(fastifyRequests);
      app.get("/", (_, reply) => work(log, reply.raw));
      return { url: await app.listen({ host: "127.0.0.1", port: 0 }), close: () => app.close() };
    },
  ],
];

describe.each<[string, () => Logging]>([
  ["pino", pinoLogger],
  ["winston", winstonLogger],
])("%s", (_, makeLogger) => {
  it.each(SERVERS)("writes the trace and the span of a request of %s", async (_server, start) => {
    const log = makeLogger();
    const server = await start(log);
    await send(server.url, { headers: { traceparent: TRACEPARENT } });
    const [span] = await telemetry.ended(1);
    await server.close();
    const spanId = span?.spanContext().spanId;
    expect(lines.map(({ msg, trace_id: traceId, span_id: id }) => ({ msg, traceId, id }))).toEqual(
      ["at once", "later", "sent"].map((msg) => ({ msg, traceId: TRACE_ID, id: spanId })),
    );
  });

  it("writes no fields outside of a trace", () => {
    makeLogger().info("started");
    expect(lines[0]).not.toHaveProperty("trace_id");
  });
});

it("fastify's own logger writes the fields, except on its first line of a request", async () => {
  const app = fastify({ logger: { mixin: traceFields, stream: output() } });
  app.register(fastifyRequests);
  app.get("/", (request) => {
    request.log.info("working");
    return "ok";
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  lines = [];
  await send(url, { headers: { traceparent: TRACEPARENT } });
  await telemetry.ended(1);
  await app.close();
  expect(lines.map(({ msg, trace_id: traceId }) => ({ msg, traceId }))).toEqual([
    { msg: "incoming request", traceId: undefined },
    { msg: "working", traceId: TRACE_ID },
    { msg: "request completed", traceId: TRACE_ID },
  ]);
});

it("a request that is not sampled is logged with its trace id, and without an SDK with that of the caller", async () => {
  await telemetry.stop();
  telemetry = startTelemetry();
  trace.disable();
  const log = pinoLogger();
  const server = await listen(traceRequests((_, response) => void work(log, response).then((text) => response.end(text))));
  await send(server.url, { headers: { traceparent: TRACEPARENT } });
  await server.close();
  expect(new Set(lines.map(({ trace_id: traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
});
