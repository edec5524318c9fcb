import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import fastify from "fastify";
import type { FastifyInstance, FastifyServerOptions } from "fastify";
import { traceRequests } from "../../src/server/fastify.ts";
import type { FastifyOptions } from "../../src/server/fastify.ts";
import type { SpanShape } from "../support/telemetry.ts";
import { getAttributes } from "./client.ts";

export interface TestApp {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Makes a fastify application listen on loopback. */
export async function listenTo(app: FastifyInstance): Promise<TestApp> {
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  return { app, url, port: (app.server.address() as AddressInfo).port, close: () => app.close() };
}

/** A traced application on loopback. */
export async function startApp(
  routes: (app: FastifyInstance) => unknown,
  options: FastifyOptions = {},
  serverOptions: FastifyServerOptions = {},
): Promise<TestApp> {
  const app = fastify({ forceCloseConnections: true, ...serverOptions });
  app.register(traceRequests, options);
  await routes(app);
  return listenTo(app);
}

/** The whole span of a GET with a response, at a path that equals its route. */
export function getSpan({ port }: TestApp, path: string, more: Partial<SpanShape> = {}): SpanShape {
  return {
    name: `GET ${path}`,
    kind: SpanKind.SERVER,
    status: SpanStatusCode.UNSET,
    events: [],
    ...more,
    attributes: getAttributes(port, path, { "http.route": path, ...more.attributes }),
  };
}

/** What a failure changes in a span. */
export const failure = (type: string, more = {}): Partial<SpanShape> => ({
  status: SpanStatusCode.ERROR,
  attributes: { "error.type": type, ...more },
  events: ["exception"],
});

/** The span of a request without a response. */
export function unanswered(span: SpanShape): SpanShape {
  const { "http.response.status_code": _, ...attributes } = span.attributes;
  return { ...span, attributes };
}

/** The events of a stream, one every few milliseconds, and then its error. */
export async function* parts(count: number, error?: Error): AsyncGenerator<string> {
  for (let part = 0; part < count; part++) {
    yield `data: ${part}\n\n`;
    await sleep(10); // oxlint-disable-line no-await-in-loop -- one part after another
  }
  if (error !== undefined) throw error;
}
