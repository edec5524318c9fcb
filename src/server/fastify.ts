import { ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { FastifyInstance, FastifyReply, FastifyRequest, RegisterOptions } from "fastify";
import { reportFailure } from "../core/telemetry/diagnostics.ts";
import type { ServerOptions } from "../core/telemetry/options.ts";
import { openServerSpan, receiveCall } from "../core/calls/server-call.ts";
import type { ServerCall } from "../core/calls/server-call.ts";
import { serverConfig } from "../core/calls/server-config.ts";
import type { ServerConfig } from "../core/calls/server-config.ts";
import { callOf, followResponse, NodeReceived } from "./exchange.ts";
import { tellFailures } from "./fastify-failures.ts";

/** Options of {@link traceRequests}. */
export type FastifyOptions = ServerOptions<FastifyRequest, FastifyReply>;

/**
 * A plugin for fastify 5: each request continues its caller's trace in a SERVER span, named by its route. Register it before all else: hooks
 * that are added before it run outside the span. It covers the instance that it is registered on, with all that is registered there.
 *
 * Loading fails with a TypeError for a bad option: `app.ready()`, `app.listen()` and `await app.register()` reject.
 *
 * @example
 * const app = fastify();
 * app.register(traceRequests, { ignoreRequestHook: (request) => request.routeOptions.url === "/health" });
 */
export function traceRequests(app: FastifyInstance, options: FastifyOptions, done: (error?: Error) => void): void {
  try {
    const config = serverConfig("traceRequests", withoutFastifysOwn(options));
    app.addHook("onRequest", (request, reply, next) => {
      const call = receive(config, request, reply);
      if (call === undefined) next();
      else context.with(call.context, next);
    });
    tellFailures(app, config.sensitive);
  } catch (error) {
    return done(error as Error); // what is thrown here ends the process
  }
  done();
}

// What the package fastify-plugin would put there: the hooks are the whole instance's, not those of a child of their own.
Object.assign(traceRequests, {
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "a2a-otel",
  [Symbol.for("plugin-meta")]: { name: "a2a-otel", fastify: ">=5 <6" },
});

/** `register` hands a plugin the options that it takes for itself, too. */
function withoutFastifysOwn(options: FastifyOptions & RegisterOptions): FastifyOptions {
  const { prefix: _prefix, logLevel: _logLevel, logSerializers: _logSerializers, ...own } = options;
  return own;
}

function receive(config: ServerConfig, request: FastifyRequest, reply: FastifyReply): ServerCall | undefined {
  try {
    const { raw } = request;
    const active = context.active();
    const outer = callOf(raw);
    const call =
      outer === undefined && isInjected(raw)
        ? // Called in the process: whatever is active is the caller's, also a SERVER span, which is that of another request.
          receiveCall(config, new NodeReceived(raw), request, ROOT_CONTEXT, active)
        : // What earlier hooks have put into the context stays; a span there is not this request's SERVER span, or it would be enriched.
          receiveCall(config, new NodeReceived(raw), request, within(outer, active), trace.deleteSpan(active));
    if (call === undefined) return undefined;
    const { url } = request.routeOptions;
    if (url !== undefined) call.matched(url);
    followResponse(call, raw, reply.raw, undefined, reply);
    return call;
  } catch (error) {
    reportFailure("tracing a request", error);
    return undefined;
  }
}

/** The context in which an open SERVER span is looked for. A hook that has lost the context must not make one request two spans. */
function within(outer: ServerCall | undefined, active: Context): Context {
  const isLost = outer !== undefined && !(outer.owns(active) && openServerSpan(active) !== undefined);
  return isLost ? outer.context : active;
}

/** Whether a request has come by `app.inject()`. The oldest versions of light-my-request that fastify 5 takes say so by the second only. */
function isInjected(request: object): boolean {
  const { isLightMyRequest, _lightMyRequest } = request as { isLightMyRequest?: unknown; _lightMyRequest?: unknown };
  return isLightMyRequest === true || _lightMyRequest !== undefined;
}
