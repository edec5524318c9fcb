import { context } from "@opentelemetry/api";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerOptions } from "../core/telemetry/options.ts";
import { withoutSpan } from "../core/context/request-context.ts";
import { startServerCall } from "../core/calls/start-server-call.ts";
import { serverConfig } from "../core/calls/server-config.ts";
import { expressRoute } from "./express/route.ts";
import { followResponse } from "./node/follow-response.ts";
import { NodeReceivedRequest } from "./node/received-request.ts";

/** Options of {@link traceRequests}. */
export type ExpressOptions = ServerOptions<IncomingMessage, ServerResponse>;

/** Middleware for express 4, express 5 and connect. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Creates middleware for express 4 and 5, and connect: each request continues its caller's trace in a SERVER span, named by the route that
 * express matches. Add it before all other middleware.
 *
 * @throws TypeError for an invalid option.
 *
 * @example
 * const app = express();
 * app.use(traceRequests());
 */
export function traceRequests(options: ExpressOptions = {}): Middleware {
  const config = serverConfig("traceRequests", options);
  return (request, response, next) => {
    const active = context.active();
    const received = new NodeReceivedRequest(request);
    // Values that earlier middleware has put into the context are kept. An active span that is not a SERVER span is not the request's parent.
    const call = startServerCall(config, { received, request, active, base: withoutSpan(active) });
    if (call === undefined) return next();
    const beforeEnd = (): void => {
      const route = expressRoute(request);
      if (route !== undefined) call.setRoute(route);
    };
    followResponse(call, request, response, { beforeEnd });
    return context.with(call.context, next);
  };
}
