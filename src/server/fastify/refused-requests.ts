import { ROOT_CONTEXT, context } from "@opentelemetry/api";
import type { FastifyInstance } from "fastify";
import type { ServerConfig } from "../../core/calls/server-config.ts";
import { startServerCall } from "../../core/calls/start-server-call.ts";
import { safeCall } from "../../core/telemetry/diagnostics.ts";
import { callOf, followResponse } from "../node/follow-response.ts";
import { NodeReceivedRequest } from "../node/received-request.ts";
import type { NodeRequest, NodeResponse } from "../node/received-request.ts";

/** The part of a server that is used; with `serverFactory` it may be any object. */
interface RequestEmitter {
  on?(event: "request", listener: (request: NodeRequest, response: NodeResponse) => void): unknown;
}

/**
 * Starts SERVER spans for requests that fastify refuses before it runs any hook: a URL that cannot be decoded, a parameter that is too long, a
 * request that arrives while the server closes. Fastify responds to them within the "request" event.
 *
 * @param isSeen whether the `onRequest` hook has seen a request.
 */
export function traceRefusedRequests(app: FastifyInstance, config: ServerConfig, isSeen: (request: NodeRequest) => boolean): void {
  // The requests that fastify refuses belong to the root instance, which is the only one that inherits from no other.
  if (Object.getPrototypeOf(app) !== Object.prototype) return;
  const refused = withoutHooks(config);
  const listener = (request: NodeRequest, response: NodeResponse): void => {
    if (!response.writableEnded || callOf(request) !== undefined || isSeen(request)) return;
    safeCall("tracing a refused request", () => {
      const received = new NodeReceivedRequest(request);
      const call = startServerCall(refused, { received, request, active: context.active(), base: ROOT_CONTEXT });
      if (call !== undefined) followResponse(call, request, response);
    });
  };
  const observe = (server: RequestEmitter): void => void server.on?.("request", listener);
  observe(app.server);
  // On "localhost" fastify listens with one more server for each further address.
  app.addHook("onListen", (done) => {
    safeCall("reading fastify's servers", () => secondaryServers(app).forEach(observe));
    done();
  });
}

/** The options without hooks: a refused request has no `FastifyRequest` that they could be called with. */
function withoutHooks(config: ServerConfig): ServerConfig {
  const { ignoreRequestHook: _ignore, requestHook: _request, responseHook: _response, incoming, ...options } = config.options;
  if (incoming === undefined) return { ...config, options };
  return { ...config, options: { ...options, incoming: typeof incoming === "function" ? "ignore" : incoming } };
}

function secondaryServers(app: FastifyInstance): readonly RequestEmitter[] {
  const key = Object.getOwnPropertySymbols(app).find(({ description }) => description === "fastify.serverBindings");
  const servers: unknown = key && Reflect.get(app, key);
  return Array.isArray(servers) ? (servers as RequestEmitter[]) : [];
}
