import { context, trace } from "@opentelemetry/api";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerOptions } from "../core/telemetry/options.ts";
import { receiveCall } from "../core/calls/server-call.ts";
import { serverConfig } from "../core/calls/server-config.ts";
import { followResponse, NodeReceived } from "./exchange.ts";
import { routeOf } from "./express-route.ts";

/** Options of {@link traceRequests}. */
export type ExpressOptions = ServerOptions<IncomingMessage, ServerResponse>;

/** Middleware as express 4, express 5 and connect take it. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Makes middleware for express 4 and 5, and connect: each request continues its caller's trace in a SERVER span, named by the route that
 * express matches. Put it before all other middleware.
 *
 * @throws TypeError for a bad option.
 *
 * @example
 * const app = express();
 * app.use(traceRequests());
 */
export function traceRequests(options: ExpressOptions = {}): Middleware {
  const config = serverConfig("traceRequests", options);
  return (request, response, next) => {
    const active = context.active();
    // What earlier middleware has put into the context stays; a span there is not this request's SERVER span, or it would be enriched.
    const call = receiveCall(
      config,
      new NodeReceived(request),
      request,
      active,
      trace.getSpan(active) === undefined ? active : trace.deleteSpan(active),
    );
    if (call === undefined) return next();
    followResponse(call, request, response, () => {
      const route = routeOf(request);
      if (route !== undefined) call.matched(route);
    });
    return context.with(call.context, next);
  };
}
