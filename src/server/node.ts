import { ROOT_CONTEXT, context } from "@opentelemetry/api";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { ServerOptions } from "../core/options.ts";
import { receiveCall } from "../core/server-call.ts";
import { serverConfig } from "../core/server-config.ts";
import { wrapped } from "../core/wrapped.ts";
import { followResponse, receivedOf } from "./exchange.ts";
import type { NodeRequest, NodeResponse } from "./exchange.ts";

/** Options of {@link traceRequests}. */
export type NodeServerOptions = ServerOptions<IncomingMessage, ServerResponse>;

/** A request listener of node:http2's compatibility API. */
export type Http2RequestListener = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/**
 * Wraps a request listener of node:http, node:https or node:http2: each request continues its caller's trace in a SERVER span, which is
 * active in the listener, in all that it awaits, and in listeners on the request and the response.
 *
 * The span ends with the response, or with its premature close. A listener that is wrapped already is returned as it is.
 *
 * @throws TypeError for a bad option, or where `listener` is no function.
 *
 * @example
 * createServer(traceRequests((request, response) => response.end("hello"))).listen(8080);
 */
export function traceRequests(listener: RequestListener, options?: NodeServerOptions): RequestListener;
export function traceRequests(
  listener: Http2RequestListener,
  options?: ServerOptions<Http2ServerRequest, Http2ServerResponse>,
): Http2RequestListener;
export function traceRequests(
  listener: RequestListener | Http2RequestListener,
  options: ServerOptions<never, never> = {},
): unknown {
  const config = serverConfig("traceRequests", options);
  if (typeof listener !== "function") throw new TypeError(`traceRequests: listener must be a function, not ${String(listener)}`);
  if (wrapped.has(listener)) return listener;

  function traced(this: unknown, request: NodeRequest, response: NodeResponse): void {
    // The context that a server happens to have been made in is nobody's caller: only what came in counts.
    const call = receiveCall(config, receivedOf(request), request, context.active(), ROOT_CONTEXT);
    if (call === undefined) return Reflect.apply(listener, this, [request, response]);
    followResponse(call, request, response);
    try {
      // No `bind`, which `context.with` uses for a `this`: an express app is a listener whose `bind` makes a route for the method BIND.
      return context.with(call.context, () => Reflect.apply(listener, this, [request, response]));
    } catch (error) {
      call.fail(error, response.headersSent ? response.statusCode : undefined);
      throw error;
    }
  }

  wrapped.add(traced);
  return traced;
}
