import { ROOT_CONTEXT, context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { FastifyInstance, FastifyReply, FastifyRequest, RegisterOptions } from "fastify";
import type { ServerCall } from "../core/calls/server-call.ts";
import { serverConfig } from "../core/calls/server-config.ts";
import type { ServerConfig } from "../core/calls/server-config.ts";
import { startServerCall } from "../core/calls/start-server-call.ts";
import { openServerSpan } from "../core/context/open-server-span.ts";
import { withoutSpan } from "../core/context/request-context.ts";
import { reportFailure } from "../core/telemetry/diagnostics.ts";
import type { ServerOptions } from "../core/telemetry/options.ts";
import { followBody, recordErrors } from "./fastify/failures.ts";
import { endWithFastifyOtel, fastifyOtelContext, warnAboutPolicy } from "./fastify/fastify-otel.ts";
import { traceRefusedRequests } from "./fastify/refused-requests.ts";
import { callOf, followResponse } from "./node/follow-response.ts";
import { NodeReceivedRequest } from "./node/received-request.ts";

/** Options of {@link traceRequests}. */
export type FastifyOptions = ServerOptions<FastifyRequest, FastifyReply>;

/**
 * A plugin for fastify 5: each request continues its caller's trace in a SERVER span, named by its route. Register it before all other
 * plugins and hooks: hooks that are added earlier run outside the span. It covers the instance that it is registered on, with everything
 * that is registered there.
 *
 * Loading fails with a TypeError for an invalid option: `app.ready()`, `app.listen()` and `await app.register()` reject.
 *
 * @example
 * const app = fastify();
 * app.register(traceRequests, { ignoreRequestHook: (request) => request.routeOptions.url === "/health" });
 */
export function traceRequests(app: FastifyInstance, options: FastifyOptions, done: (error?: Error) => void): void {
  try {
    const config = serverConfig("traceRequests", withoutRegisterOptions(options));
    const untraced = new WeakSet<object>();
    app.addHook("onRequest", (request, reply, next) => {
      const call = startFastifyCall(config, request, reply);
      if (call !== undefined) return context.with(call.context, next);
      untraced.add(request.raw);
      next();
    });
    recordErrors(app, config.sensitive);
    endWithFastifyOtel(app);
    traceRefusedRequests(app, config, (request) => untraced.has(request));
  } catch (error) {
    return done(error as Error); // an exception here would end the process
  }
  done();
}

// As the package fastify-plugin does: the hooks belong to the instance itself and not to a child instance.
Object.assign(traceRequests, {
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "a2a-otel",
  [Symbol.for("plugin-meta")]: { name: "a2a-otel", fastify: ">=5 <6" },
});

/** `register` passes its own options on to the plugin. */
function withoutRegisterOptions(options: FastifyOptions & RegisterOptions): FastifyOptions {
  const { prefix: _prefix, logLevel: _logLevel, logSerializers: _logSerializers, ...own } = options;
  return own;
}

function startFastifyCall(config: ServerConfig, request: FastifyRequest, reply: FastifyReply): ServerCall | undefined {
  try {
    const { raw } = request;
    const active = context.active();
    const outer = callOf(raw);
    const otelContext = outer === undefined ? fastifyOtelContext(request) : undefined;
    const received = new NodeReceivedRequest(raw);
    const call =
      outer === undefined && isInjected(raw)
        ? // Injected by the process itself: the active context is the caller's, and its SERVER span is that of another request.
          startServerCall(config, { received, request, active: otelContext ?? ROOT_CONTEXT, base: active })
        : // Values that earlier hooks have put into the context are kept. An active span that is not a SERVER span is not the parent.
          startServerCall(config, {
            received,
            request,
            active: otelContext ?? serverSpanContext(outer, active),
            base: withoutSpan(active),
          });
    if (call === undefined) return undefined;
    if (otelContext !== undefined) warnAboutPolicy(call, otelContext);
    const { url } = request.routeOptions;
    if (url !== undefined) call.setRoute(url);
    followResponse(call, raw, reply.raw, { hookResponse: reply });
    followBody(reply);
    return call;
  } catch (error) {
    reportFailure("tracing a request", error);
    return undefined;
  }
}

/** The context in which the request's SERVER span may be open; that of an outer call if a hook between the two has lost the context. */
function serverSpanContext(outer: ServerCall | undefined, active: Context): Context {
  if (outer === undefined) return active;
  return outer.owns(active) && openServerSpan(active) !== undefined ? active : outer.context;
}

/** Whether a request was sent by `app.inject()`. The oldest versions of light-my-request for fastify 5 set the second property only. */
function isInjected(request: object): boolean {
  const { isLightMyRequest, _lightMyRequest } = request as { isLightMyRequest?: unknown; _lightMyRequest?: unknown };
  return isLightMyRequest === true || _lightMyRequest !== undefined;
}
