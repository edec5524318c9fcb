import type { RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { context, propagation, trace } from "@opentelemetry/api";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServerOptions } from "../../src/core/telemetry/options.ts";
import { traceRequests as expressMiddleware } from "../../src/server/express.ts";
import { traceRequests as fastifyPlugin } from "../../src/server/fastify.ts";
import { traceRequests as koaMiddleware } from "../../src/server/koa.ts";
import { traceRequests as wrapListener } from "../../src/server/node.ts";
import { traceMiddleware, traceRequests as wrapHandler } from "../../src/server/web.ts";
import { recordDiagnostics } from "../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../support/diagnostics.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, send } from "./client.ts";

let telemetry: TestTelemetry;
let diagnostics: DiagnosticsRecorder;
let server: TestServer;
beforeEach(() => {
  telemetry = startTelemetry();
  diagnostics = recordDiagnostics();
});
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

type Policy = Pick<ServerOptions, "acceptBaggage" | "incoming">;

/** What a handler's outgoing call would carry. */
interface Seen {
  readonly traceId: string | undefined;
  readonly baggage: string[];
}

function look(): Seen {
  const active = context.active();
  const members = propagation.getBaggage(active)?.getAllEntries() ?? [];
  return { traceId: trace.getSpanContext(active)?.traceId, baggage: members.map(([name, { value }]) => `${name}=${value}`) };
}

/** Servers whose outer instrumentation has `outer` as its options, and whose inner one has `inner`; the handler calls `handle`. */
type Nesting = (outer: Policy, inner: Policy, handle: () => void) => RequestListener | Promise<RequestListener>;

const listener =
  (handle: () => void): RequestListener =>
  (_, response) => {
    handle();
    response.end("ok");
  };
function expressApp(policies: readonly Policy[], handle: () => void): RequestListener {
  const app = express();
  for (const policy of policies) app.use(expressMiddleware(policy));
  app.get("/items/:id", (request, response) => listener(handle)(request, response));
  return app as RequestListener;
}
function koaApp(policies: readonly Policy[], handle: () => void): RequestListener {
  const app = new Koa();
  for (const policy of policies) app.use(koaMiddleware(policy));
  app.use((ctx) => {
    handle();
    ctx.body = "ok";
  });
  return app.callback();
}
function honoApp(policies: readonly Policy[], handle: () => void): Hono {
  const app = new Hono();
  for (const policy of policies) app.use(traceMiddleware(policy));
  return app.get("/items/:id", (c) => {
    handle();
    return c.text("ok");
  });
}
async function fastifyApp(policies: readonly Policy[], handle: () => void): Promise<RequestListener> {
  const app = fastify();
  for (const policy of policies) app.register(fastifyPlugin, policy);
  app.get("/items/:id", async () => {
    handle();
    return "ok";
  });
  await app.ready();
  return (request, response) => app.routing(request, response);
}

const NESTINGS: [string, Nesting][] = [
  [
    "a wrapped listener that is wrapped again",
    (outer, inner, handle) => wrapListener(wrapListener(listener(handle), inner), outer),
  ],
  ["express middleware in a wrapped listener", (outer, inner, handle) => wrapListener(expressApp([inner], handle), outer)],
  ["express middleware twice", (outer, inner, handle) => expressApp([outer, inner], handle)],
  ["Koa middleware in a wrapped listener", (outer, inner, handle) => wrapListener(koaApp([inner], handle), outer)],
  ["Koa middleware twice", (outer, inner, handle) => koaApp([outer, inner], handle)],
  [
    "the fastify plugin in a wrapped listener",
    async (outer, inner, handle) => wrapListener(await fastifyApp([inner], handle), outer),
  ],
  ["the fastify plugin twice", (outer, inner, handle) => fastifyApp([outer, inner], handle)],
  [
    "Hono middleware in a wrapped listener",
    (outer, inner, handle) => wrapListener(getRequestListener(honoApp([inner], handle).fetch), outer),
  ],
  [
    "Hono middleware in a wrapped handler",
    (outer, inner, handle) => getRequestListener(wrapHandler(honoApp([inner], handle).fetch, outer)),
  ],
  ["Hono middleware twice", (outer, inner, handle) => getRequestListener(honoApp([outer, inner], handle).fetch)],
  [
    "a wrapped handler that is wrapped again",
    (outer, inner, handle) => getRequestListener(wrapHandler(wrapHandler(honoApp([], handle).fetch, inner), outer)),
  ],
];

describe.each(NESTINGS)("%s", (_, nest) => {
  async function request(outer: Policy, inner: Policy): Promise<Seen> {
    let seen: Seen | undefined;
    server = await listen(await nest(outer, inner, () => (seen = look())));
    await send(`${server.url}/items/1`, { headers: { traceparent: TRACEPARENT, baggage: "a=1,b=2" } });
    await telemetry.settled();
    if (seen === undefined) throw new Error("the handler was not called");
    return seen;
  }

  it("makes one SERVER span, as the child of the caller's span", async () => {
    await request({}, {});
    const [span] = await telemetry.ended(1);
    expect(telemetry.started()).toBe(1);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
  });

  it("does not touch the span after its end", async () => {
    await request({}, { incoming: "parent" });
    expect(diagnostics.messages("warn")).toEqual([]);
    expect(diagnostics.messages("error")).toEqual([]);
  });

  it("lets in the baggage that both accept", async () => {
    const { baggage } = await request({ acceptBaggage: ["a", "b"] }, { acceptBaggage: ["b", "c"] });
    expect(baggage).toEqual(["b=2"]);
  });

  it("applies the outer baggage policy", async () => {
    const { baggage } = await request({ acceptBaggage: false }, { acceptBaggage: true });
    expect(baggage).toEqual([]);
  });

  it.each(["ignore", "link"] as const)(
    "keeps the caller's trace from the handler if the inner policy is to %s it",
    async (incoming) => {
      const { traceId } = await request({}, { incoming });
      expect(traceId).not.toBe(TRACE_ID);
      expect(telemetry.started()).toBe(1);
    },
  );

  it("keeps the request's own trace if the outer policy ignores the caller's", async () => {
    const { traceId } = await request({ incoming: "ignore" }, { incoming: "ignore" });
    const [span] = await telemetry.ended(1);
    expect(traceId).toBe(span?.spanContext().traceId);
  });
});
