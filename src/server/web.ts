import { ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import { describe } from "../core/telemetry/options.ts";
import type { ServerOptions } from "../core/telemetry/options.ts";
import { serverConfig } from "../core/calls/server-config.ts";
import { sharedState } from "../core/telemetry/shared-state.ts";
import { receiveRequest } from "./web/exchange.ts";
import { failureOf, routeOf } from "./web/hono.ts";
import type { HonoContext } from "./web/hono.ts";

/** Options of {@link traceRequests} and {@link traceMiddleware}; hooks see the `Request` and the `Response`. */
export type WebOptions = ServerOptions<Request, Response>;

/** What a handler may return; nothing, for a request that Bun has made a WebSocket of. */
type Answer = Response | undefined | void;

/**
 * Wraps a handler that takes a `Request` and returns a `Response`, as Bun, Deno, Cloudflare Workers and Hono (`app.fetch`) have it: each
 * request continues its caller's trace in a SERVER span, which is active in the handler and in all that it awaits.
 *
 * The span ends with the response's last byte where that is in sight: with `@hono/node-server` and on Deno always, elsewhere for event
 * streams and what else says of itself that it is streamed. Other responses end it when they are returned. Whatever else the handler is
 * given, and its `this`, are passed on. A handler that is wrapped already is returned as it is.
 *
 * @throws TypeError for a bad option, or where `handler` is no function.
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
  if (sharedState.instrumented.has(handler)) return handler;

  // Two parameters, since a server may ask for the length of a handler before it gives it a second argument.
  function traced(this: Self, request: Req, given?: unknown): Result {
    const args = arguments as unknown as [Req, ...Rest];
    const proceed = (): Result => Reflect.apply(handler, this, args);
    // The context that a server happens to have been made in is nobody's caller: only what came in counts.
    const exchange = receiveRequest(config, request, given, context.active(), ROOT_CONTEXT);
    if (exchange === undefined) return proceed();
    const failed = (error: unknown): never => {
      exchange.failed(error);
      throw error;
    };
    try {
      const result = context.with(exchange.context, proceed);
      if (!isThenable(result)) return exchange.answered(result);
      return Promise.resolve(result).then((answer) => exchange.answered(answer), failed) as unknown as Result;
    } catch (error) {
      return failed(error);
    }
  }

  sharedState.instrumented.add(traced);
  return traced as unknown as typeof handler;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === "function";
}

/** Middleware as Hono 4 takes it. */
export type HonoMiddleware = (c: HonoContext, next: () => Promise<void>) => Promise<void>;

/**
 * Makes middleware for Hono 4, on whatever it runs: each request continues its caller's trace in a SERVER span, named by the route that
 * Hono matches. Put it before all other middleware. What {@link traceRequests} says of the span's end holds here too.
 *
 * @throws TypeError for a bad option.
 *
 * @example
 * const app = new Hono();
 * app.use(traceMiddleware());
 */
export function traceMiddleware(options: WebOptions = {}): HonoMiddleware {
  const config = serverConfig("traceMiddleware", options);
  return async (c, next) => {
    const active = context.active();
    // What earlier middleware has put into the context stays; a span there is not this request's SERVER span, or it would be enriched.
    const exchange = receiveRequest(
      config,
      c.req.raw,
      c.env,
      active,
      trace.getSpan(active) === undefined ? active : trace.deleteSpan(active),
      () => routeOf(c),
    );
    if (exchange === undefined) return next();
    try {
      await context.with(exchange.context, next);
    } catch (error) {
      exchange.failed(error);
      throw error;
    }
    // To ask for a response that is not there makes one.
    const response = c.finalized ? c.res : undefined;
    const followed = exchange.answered(response, failureOf(c, response));
    if (followed === response) return;
    c.res = undefined; // or the headers of the two would be merged
    c.res = followed;
  };
}
