import { Agent, createServer, request } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import express from "express";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { injectTraceContext } from "../../src/index.ts";
import type { ServerOptions } from "../../src/index.ts";
import { traceRequests as expressRequests } from "../../src/server/express.ts";
import { traceRequests } from "../../src/server/node.ts";
import { startDeterministicTelemetry } from "./deterministic-telemetry.ts";
import type { DeterministicTelemetry, SpanSnapshot } from "./deterministic-telemetry.ts";
import { SENSITIVE, propagated, redactedQuery, serverOf } from "./model.ts";
import { wrappedPropagator } from "./neutral-settings.ts";
import { KEYS, REQUEST, headersWith, statusOf } from "./requests.ts";
import type { Asked } from "./requests.ts";
import { LONG_TIMEOUT, runs } from "./run-options.ts";

let telemetry: DeterministicTelemetry;
let server: Server;
let listener: RequestListener;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
beforeAll(async () => {
  telemetry = startDeterministicTelemetry();
  server = createServer((...args) => listener(...args)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
});
afterAll(async () => {
  agent.destroy();
  server.closeAllConnections();
  server.close();
  await telemetry.stop();
});

const OPTIONS: Record<string, () => ServerOptions> = {
  none: () => ({}),
  "hooks that do nothing": () => ({ ignoreRequestHook: () => false, requestHook: () => {}, responseHook: () => {} }),
  "explicit defaults": () => ({
    incoming: "parent",
    acceptBaggage: true,
    trustProxy: false,
    sensitiveQueryParameters: SENSITIVE,
    a2a: "headers",
  }),
  "a function that returns the default": () => ({ incoming: () => "parent" as const, acceptBaggage: KEYS, trustProxy: true }),
  "a propagator": () => ({ propagator: wrappedPropagator() }),
  "a tracer provider": () => ({ tracerProvider: { getTracer: (...args) => telemetry.provider.getTracer(...args) } }),
  "a meter provider": () => ({ meterProvider: new MeterProvider() }),
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const SERVERS: Record<string, (handler: Handler, options: ServerOptions) => RequestListener> = {
  "node:http": (handler, options) => traceRequests(handler, options),
  "wrapped twice": (handler, options) => traceRequests((...args) => traceRequests(handler, options)(...args), options),
  express: (handler, options) => express().use(expressRequests(options), handler),
  "express within a wrapped listener": (handler, options) =>
    traceRequests(express().use(expressRequests(options), handler), options),
};

interface Seen {
  spans: SpanSnapshot[];
  /** The headers that a call of the handler would carry. */
  inside: Record<string, string | string[]>;
  port: number | undefined;
}

/** Sends a request with a given `Host` header. */
async function received(asked: Asked, host: string, make: (handler: Handler) => RequestListener): Promise<Seen> {
  const seen: Seen = { spans: [], inside: {}, port: undefined };
  listener = make((incoming, response) => {
    const { baggage, ...inside } = injectTraceContext();
    seen.inside = { ...inside, baggage: (baggage ?? "").split(",").filter(Boolean).toSorted() };
    seen.port = incoming.socket.remotePort;
    const status = statusOf(incoming.url ?? "");
    incoming.resume();
    response.writeHead(status).end(status === 204 ? undefined : "answer");
  });
  const { method, path, body } = asked;
  const length = body === undefined ? [] : ["content-length", String(Buffer.byteLength(body))];
  const headers = ["host", host, "user-agent", "test", ...length, ...headersWith(asked).flat()];
  seen.spans = await telemetry.record(
    () =>
      new Promise((resolve, reject) => {
        const options = { agent, port: (server.address() as AddressInfo).port, method, path, headers, setHost: false };
        const sent = request(options, (response) => void response.resume().on("end", resolve));
        sent.on("error", reject).end(body);
      }),
  );
  return seen;
}

function modelled({ method, path, status, byHand }: Asked, host: string, port: number | undefined): Seen {
  // The headers are the caller's, and no context is active before.
  const { traceparent, tracestate, baggage, sampled, id, parent } = propagated({ trace: undefined, baggage: [] }, byHand);
  const inside = { traceparent, ...(tracestate !== undefined && { tracestate }), baggage };
  if (!sampled) return { spans: [], inside, port };
  const isKnown = method !== "PURGE";
  const [before = "", ...parts] = path.split("?");
  const query = parts.join("?");
  const attributes = {
    "http.request.method": isKnown ? method : "_OTHER",
    ...(!isKnown && { "http.request.method_original": method }),
    "url.path": before,
    "url.scheme": "http",
    ...(query !== "" && { "url.query": redactedQuery(query) }),
    ...serverOf(`http://${host}`),
    "client.address": "127.0.0.1",
    "network.peer.address": "127.0.0.1",
    "network.peer.port": port,
    "network.protocol.version": "1.1",
    "user_agent.original": "test",
    "http.response.status_code": status,
    ...(status >= 500 && { "error.type": String(status) }),
  };
  const span: SpanSnapshot = {
    name: isKnown ? method : "HTTP",
    kind: SpanKind.SERVER,
    status: status >= 500 ? SpanStatusCode.ERROR : SpanStatusCode.UNSET,
    attributes,
    events: [],
    links: 0,
    scope: "a2a-otel",
    id,
    parent,
  };
  return { spans: [span], inside, port };
}

const HOST = fc.constantFrom(
  "a.example",
  "a.example:8080",
  "a.example:80",
  "a.example.org",
  "A.EXAMPLE",
  "[::1]:8080",
  "127.0.0.1",
  "xn--bcher-kva.example",
  "user:pass@a.example",
  "a.example/path?q",
  "a b",
  "a:99999",
  "",
);

it("receives a request as the model predicts on every server and with every neutral option", LONG_TIMEOUT, async () => {
  const way = fc.record({ on: fc.constantFrom(...Object.keys(SERVERS)), option: fc.constantFrom(...Object.keys(OPTIONS)) });
  const property = fc.asyncProperty(REQUEST, HOST, way, async (asked, host, { on, option }) => {
    fc.pre(asked.method !== "PURGE"); // node:http rejects unknown methods
    const fast = await received(asked, host, (handler) => traceRequests(handler));
    expect(fast).toEqual(modelled(asked, host, fast.port));
    const slow = await received(asked, host, (handler) => SERVERS[on]!(handler, OPTIONS[option]!()));
    expect(slow).toEqual(modelled(asked, host, slow.port));
  });
  await fc.assert(property, runs(200));
});
