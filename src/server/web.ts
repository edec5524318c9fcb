import { ROOT_CONTEXT, context } from "@opentelemetry/api";
import { withoutSpan } from "../core/context/request-context.ts";
import { describe, hasOptions } from "../core/telemetry/check-options.ts";
import type { ServerOptions } from "../core/telemetry/options.ts";
import { serverConfig } from "../core/calls/server-config.ts";
import { sharedState } from "../core/telemetry/shared-state.ts";
import { isThenable } from "../core/telemetry/thenable.ts";
import { startExchange } from "./web/exchange.ts";
import { handlerFailure, honoRoute } from "./web/hono.ts";
import type { HonoContext } from "./web/hono.ts";

/** Options of {@link traceRequests} and {@link traceMiddleware}; hooks see the `Request` and the `Response`. */
export type WebOptions = ServerOptions<Request, Response>;

/** What a handler may return. A handler of Bun returns nothing for a request that became a WebSocket. */
type Answer = Response | undefined | void;

/**
 * Wraps a handler that takes a `Request` and returns a `Response`, as in Bun, Deno, Cloudflare Workers and Hono (`app.fetch`): each request
 * continues its caller's trace in a SERVER span, which is active in the handler and in everything that it awaits.
 *
 * The span ends with the last byte of the response if that can be observed: always with `@hono/node-server` and on Deno, elsewhere for event
 * streams and other responses whose headers declare a stream. Otherwise it ends when the handler returns. Further arguments and `this` are
 * passed through. A handler that is wrapped already is returned as it is, unless there are options: then the policies of both wrappers apply
 * to its requests.
 *
 * @throws TypeError for an invalid option, or if `handler` is not a function.
 *
 * @example
 * export default { fetch: traceRequests((request, env, ctx) => new Response("hello")) };
 */
export function traceRequests<Self, Req extends Request, Rest extends unknown[], Result extends Answer | PromiseLike<Answer>>(
  handler: (this: Self, request: Req, ...rest: Rest) => Result,
  options: WebOptions = {},
): (this: Self, request: Req, ...rest: Rest) => Result {
  const config = serverConfig("traceRequests", options);
  if (typeof handler !== "function") {
    const hint = typeof (handler as { fetch?: unknown } | null)?.fetch === "function" ? "; give it the object's fetch" : "";
    throw new TypeError(`traceRequests: handler must be a function, not ${describe(handler)}${hint}`);
  }
  if (sharedState.instrumented.has(handler) && !hasOptions(options)) return handler;

  // With two parameters, because some servers pass a second argument only to handlers whose `length` is 2.
  function traced(this: Self, request: Req, hostArgument?: unknown): Result {
    const args = arguments as unknown as [Req, ...Rest];
    const proceed = (): Result => Reflect.apply(handler, this, args);
    // Servers call handlers in the context in which the server was created, which is not the caller's.
    const exchange = startExchange(config, { request, hostArgument, active: context.active(), base: ROOT_CONTEXT });
    if (exchange === undefined) return proceed();
    const failed = (error: unknown): never => {
      exchange.failed(error);
      throw error;
    };
    try {
      const result = context.with(exchange.context, proceed);
      if (!isThenable(result)) return exchange.returned(result);
      return Promise.resolve(result).then((answer) => exchange.returned(answer), failed) as unknown as Result;
    } catch (error) {
      return failed(error);
    }
  }

  sharedState.instrumented.add(traced);
  return traced as unknown as typeof handler;
}

/** Middleware as Hono 4 takes it. */
export type HonoMiddleware = (c: HonoContext, next: () => Promise<void>) => Promise<void>;

/**
 * Creates middleware for Hono 4, on any platform: each request continues its caller's trace in a SERVER span, named by the route that Hono
 * matches. Add it before all other middleware. The span ends as described at {@link traceRequests}.
 *
 * @throws TypeError for an invalid option.
 *
 * @example
 * const app = new Hono();
 * app.use(traceMiddleware());
 */
export function traceMiddleware(options: WebOptions = {}): HonoMiddleware {
  const config = serverConfig("traceMiddleware", options);
  return async (c, next) => {
    const active = context.active();
    const exchange = startExchange(config, {
      request: c.req.raw,
      hostArgument: c.env,
      active,
      // Values that earlier middleware has put into the context are kept. An active span that is not a SERVER span is not the parent.
      base: withoutSpan(active),
      route: () => honoRoute(c),
    });
    if (exchange === undefined) return next();
    try {
      await context.with(exchange.context, next);
    } catch (error) {
      exchange.failed(error);
      throw error;
    }
    // Reading `c.res` of an unfinished context creates a response.
    const response = c.finalized ? c.res : undefined;
    const followed = exchange.returned(response, handlerFailure(c, response));
    if (followed === response) return;
    c.res = undefined; // otherwise Hono merges the headers of both responses
    c.res = followed;
  };
}
