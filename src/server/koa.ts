import { context } from "@opentelemetry/api";
import { serverConfig } from "../core/calls/server-config.ts";
import { startServerCall } from "../core/calls/start-server-call.ts";
import { withoutSpan } from "../core/context/request-context.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import type { ServerOptions } from "../core/telemetry/options.ts";
import { readBodyInContext } from "./koa/body.ts";
import type { KoaContext, KoaRequest, KoaResponse } from "./koa/context.ts";
import { followErrors } from "./koa/errors.ts";
import { koaRoute } from "./koa/route.ts";
import { followResponse } from "./node/follow-response.ts";
import { NodeReceivedRequest } from "./node/received-request.ts";

/** Options of {@link traceRequests}; hooks receive Koa's `ctx.request` and `ctx.response`. */
export type KoaOptions = ServerOptions<KoaRequest, KoaResponse>;

/** Middleware for Koa 2 and 3. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- otherwise `app.use()` infers the type of the app's context from it
export type KoaMiddleware = <Context extends KoaContext>(ctx: Context, next: () => Promise<unknown>) => Promise<unknown>;

/**
 * Creates middleware for Koa 2 and 3: each request continues its caller's trace in a SERVER span, named by the route that `@koa/router`
 * matches. Add it before all other middleware.
 *
 * @throws TypeError for an invalid option.
 *
 * @example
 * const app = new Koa();
 * app.use(traceRequests());
 */
export function traceRequests(options: KoaOptions = {}): KoaMiddleware {
  const config = serverConfig("traceRequests", options);
  return async (ctx, next) => {
    const active = context.active();
    const { request, req, res } = ctx;
    const received = new NodeReceivedRequest(req, ctx.originalUrl);
    // Values that earlier middleware has put into the context are kept. An active span that is not a SERVER span is not the request's parent.
    const call = startServerCall(config, { received, request, active, base: withoutSpan(active) });
    if (call === undefined) return next();
    const recordError = safeCall("following errors", followErrors, ctx, call, config.sensitive);
    const beforeEnd = (): void => {
      const route = koaRoute(ctx);
      if (route !== undefined) call.setRoute(route);
      recordError?.();
    };
    followResponse(call, req, res, { beforeEnd, hookResponse: ctx.response });
    const result = await context.with(call.context, next);
    safeCall("reading a body", readBodyInContext, call, ctx.body);
    return result;
  };
}
