import { traceRequests } from "a2a-otel/server/fastify";
import type { FastifyOptions } from "a2a-otel/server/fastify";
import fastify from "fastify";
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import { same } from "./type.js";

const options: FastifyOptions = {
  ignoreRequestHook: (request) => {
    same<typeof request, FastifyRequest>();
    return request.routeOptions.url === "/health";
  },
  responseHook: (span, { response }) => {
    same<typeof response, FastifyReply>();
    span.setAttribute("took", response.elapsedTime);
  },
};
export const app = fastify();
traceRequests satisfies FastifyPluginCallback<FastifyOptions>;
await app.register(traceRequests, options);
await app.register(traceRequests, { ignoreRequestHook: (request) => request.is404 });
await fastify({ logger: true }).register(traceRequests);
// @ts-expect-error no such word
await app.register(traceRequests, { incoming: "follow" });
